"""Reads problems/ into frozen values and draws variants."""
