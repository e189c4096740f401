"""What people put over sessions, and who answers for it: flags and cases, holds, tags, notes, suspended users."""
