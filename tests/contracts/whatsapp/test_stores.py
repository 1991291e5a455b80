"""Our own stores of messages, lines and webhooks, on every engine."""

from tidings.testing.contracts.whatsapp_conversations import ConversationsContract
from tidings.testing.contracts.whatsapp_desk import DeskContract
from tidings.testing.contracts.whatsapp_limits import PressureContract, QuotasContract
from tidings.testing.contracts.whatsapp_lines import LeasesContract, LinesContract, NumbersContract
from tidings.testing.contracts.whatsapp_messages import MessagesContract
from tidings.testing.contracts.whatsapp_webhooks import WebhooksContract


class TestMessages(MessagesContract):
    pass


class TestLeases(LeasesContract):
    pass


class TestLines(LinesContract):
    pass


class TestNumbers(NumbersContract):
    pass


class TestWebhooks(WebhooksContract):
    pass


class TestConversations(ConversationsContract):
    pass


class TestDesk(DeskContract):
    pass


class TestPressure(PressureContract):
    pass


class TestQuotas(QuotasContract):
    pass
