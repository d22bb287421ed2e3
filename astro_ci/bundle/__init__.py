"""The DAG bundle: a directory as a deterministic `.tar.gz`.

The same files give the same bytes: sorted by name, one modification time, no owners, and of the
modes only what git keeps, as two checkouts with different umasks hold the same content. Empty
directories do not ship, since git does not keep them; hard links ship as the files they are.
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
