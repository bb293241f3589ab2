"""Which attempt and role you hold; used by web and features alike."""
