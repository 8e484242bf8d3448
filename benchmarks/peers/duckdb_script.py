"""Run one SQL script in DuckDB and print what it selects: duckdb_script.py SCRIPT INPUT OUTPUT."""

import sys
from pathlib import Path

import duckdb

script, source, output = sys.argv[1:]
text = Path(script).read_text().replace("$input", f"'{source}'").replace("$output", output)
connection = duckdb.connect()
for statement in duckdb.extract_statements(text):
    answer = connection.execute(statement)
    if statement.type == duckdb.StatementType.SELECT:
        print(answer.fetchall())
