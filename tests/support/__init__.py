"""What several tests share: the gateway as a process."""
