"""Run one SQL script in DuckDB and print what it selects: duckdb_script.py SCRIPT [CUSTOMER] INPUT OUTPUT.

CUSTOMER is an expression that stands for the column customer_id, such as trim(customer_id). A line `.read FILE` is that
file beside the script, as in DuckDB's own shell.
"""

import re
import sys
from pathlib import Path

import duckdb

script, *customer, source, output = sys.argv[1:]
table = f"'{source}'"
if customer:
    table = f"(SELECT * REPLACE ({customer[0]} AS customer_id) FROM {table})"
folder = Path(script).parent
text = re.sub(r"(?m)^\.read (\S+)$", lambda line: (folder / line[1]).read_text(), Path(script).read_text())
text = text.replace("$input", table).replace("$output", output)
connection = duckdb.connect()
for statement in duckdb.extract_statements(text):
    answer = connection.execute(statement)
    if statement.type == duckdb.StatementType.SELECT:
        print(answer.fetchall())
