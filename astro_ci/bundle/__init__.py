"""Make the DAG bundle: a directory as a deterministic `.tar.gz`.

The same files give the same bytes. Members are sorted by name, and have one modification time and
no owners. Modes keep only the executable bit that git keeps, because umasks of checkouts differ.
Empty directories do not ship, since git does not keep them. Hard links ship as ordinary files.
"""

from astro_ci.bundle.archive import Bundle, write_bundle
from astro_ci.bundle.links import check_links
from astro_ci.bundle.members import Member, has_dag_suffix, list_members

__all__ = [
    "Bundle",
    "Member",
    "check_links",
    "has_dag_suffix",
    "list_members",
    "write_bundle",
]
