"""Our own gateway, review, uploads and files, at a Meta that is played."""

import pytest

from tidings.adapters.meta.client import GraphOptions, graph
from tidings.adapters.meta.gateway import MetaGateway
from tidings.adapters.meta.media import MetaMedia, MetaUploads
from tidings.adapters.meta.templates import MetaReview
from tidings.testing.contracts.gateways import GatewayContract
from tidings.testing.contracts.template_reviews import ReviewContract, UploadsContract
from tidings.testing.contracts.whatsapp_media import MediaFilesContract


@pytest.fixture
async def played(meta):
    client = graph(GraphOptions(base_url=meta.url))
    yield client
    await client.transport.aclose()


class TestGateway(GatewayContract):
    @pytest.fixture
    def gateway(self, played, tokens):
        return MetaGateway(played, tokens)


class TestReview(ReviewContract):
    @pytest.fixture
    def review(self, played, tokens):
        return MetaReview(played, tokens)


class TestUploads(UploadsContract):
    @pytest.fixture
    def uploads(self, played, tokens):
        return MetaUploads(played, tokens, app_id="770000000000303")


class TestMediaFiles(MediaFilesContract):
    @pytest.fixture
    def media(self, played, tokens):
        return MetaMedia(played, tokens)
