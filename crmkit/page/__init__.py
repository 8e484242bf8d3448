"""The page that is sent on: sections with a sentence, a picture, a table and what to do."""
