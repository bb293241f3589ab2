"""Who you are: a signed cookie, given on the first visit."""
