"""What the author of a subject claims of it: one type, and one vocabulary for every door."""

from bpcheck.claims.claims import DEFAULT_DTYPES, Claims, ClaimWords, Supports, claims_from
from bpcheck.claims.dtypes import dtype_name

__all__ = [
    "DEFAULT_DTYPES",
    "ClaimWords",
    "Claims",
    "Supports",
    "claims_from",
    "dtype_name",
]
