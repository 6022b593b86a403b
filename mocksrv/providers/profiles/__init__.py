"""Data profiles: what a provider's success brings into a login's accounts. Knows no provider.

A profile is a YAML file (`docs/profiles.md`). The same profile, key and moment always give the same answer.
"""

from __future__ import annotations

from mocksrv.providers.profiles.data import EACH, LONGEST_POSTING, Account, Data
from mocksrv.providers.profiles.library import Profiles, persona
from mocksrv.providers.profiles.model import DEBTS

__all__ = ["DEBTS", "EACH", "LONGEST_POSTING", "Account", "Data", "Profiles", "persona"]
