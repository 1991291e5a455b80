"""tidings: the platform on which a business runs its WhatsApp.

    from tidings import Tidings

The library's face is `Tidings`; the commands and values it takes are in the module of their context, such
as `tidings.application.campaigns.NewCampaign` or `tidings.domain.campaigns.Fill`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidings.bootstrap.library import Tidings

__all__ = ["Tidings"]


def __getattr__(name: str) -> object:
    """Bring in the whole platform only for those who ask for it."""
    if name == "Tidings":
        from tidings.bootstrap.library import Tidings

        return Tidings
    raise AttributeError(f"module 'tidings' has no attribute {name!r}")
