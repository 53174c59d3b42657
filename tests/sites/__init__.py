"""Sites that run RQ without qctl, of every release that qctl works beside."""
