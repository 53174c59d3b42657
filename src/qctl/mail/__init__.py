"""Mails, composed from templates and sent by SMTP or written to a folder."""
