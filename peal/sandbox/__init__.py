"""What programs of attempts may touch, enforced by the operating system."""
