"""Mail: made of templates, sent by SMTP or put into a folder."""
