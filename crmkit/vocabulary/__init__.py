"""The columns of each question, which `crmkit.columns` puts together."""
