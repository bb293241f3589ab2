"""Attempts: drawing, opening, editing, finishing and revealing one sitting."""
