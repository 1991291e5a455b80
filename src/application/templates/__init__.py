"""Writing templates, keeping them in step with Meta, and telling who may send which."""

from tidings.application.templates.authoring import (
    DeliveryWish,
    NewTemplate,
    Previewed,
    PreviewRequest,
    TemplateChange,
    Templates,
    TemplateView,
    Verdict,
)
from tidings.application.templates.files import HeaderFiles, UploadedFile
from tidings.application.templates.keeping import Keeper, SyncReport
from tidings.application.templates.sending import Approved, ApprovedTemplate

__all__ = [
    "Approved",
    "ApprovedTemplate",
    "DeliveryWish",
    "HeaderFiles",
    "Keeper",
    "NewTemplate",
    "PreviewRequest",
    "Previewed",
    "SyncReport",
    "TemplateChange",
    "TemplateView",
    "Templates",
    "UploadedFile",
    "Verdict",
]
