"""The reviewer stet, and what it needs."""
