"""Pages for browsers: the login, and the admin of an installation."""
