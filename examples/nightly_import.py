"""Brings last night's file of people in; for cron.

    pip install tidings
    python nightly_import.py people.csv http://localhost:3000 API_KEY

Prints what happened; rows that make no sense go to people.csv.errors.csv, and the exit code is then 1.
The same file again changes nothing, so that it may be run again after any failure.
"""

import csv
import sys
from pathlib import Path

from tidings.blocking import Tidings
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.errors import Refused

GROUP = "Customers"


def bring_in(file: Path, url: str, key: str) -> int:
    """How many rows made no sense."""
    with Tidings.remote(url, key) as t:
        me = t.operator()
        group = t.groups.ensure(me, GROUP)
        options = ImportOptions(policy=Policy.UPDATE, country="+44", group_id=group.id)
        report = t.imports.import_file(me, file, options)
    print(f"{report.rows} rows: {report.created} new, {report.updated} changed, {report.failed} refused")
    if report.errors:
        with file.with_name(f"{file.name}.errors.csv").open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["row", "field", "message"])
            rows.writerows([error.row, error.field, error.message] for error in report.errors)
    return report.failed


if __name__ == "__main__":
    try:
        sys.exit(1 if bring_in(Path(sys.argv[1]), *sys.argv[2:]) else 0)
    except Refused as refused:
        sys.exit(f"{refused.code}: {refused}")
