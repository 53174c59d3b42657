"""Commands of qctl, one module per noun or verb."""
