"""Servers, proxies, clients and faults that tests start; nothing here is a test."""
