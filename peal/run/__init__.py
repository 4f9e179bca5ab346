"""A job or several carried out, from the session that is opened for them to what is said at their end."""
