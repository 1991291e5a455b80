"""A day at Meta in virtual time: many messages, all their webhooks, and one fingerprint of all of it."""

import heapq
import json
from dataclasses import dataclass, field
from hashlib import sha256

from tidings.adapters.sandbox.calls import Call
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import SandboxSettings

DAY = 86_400.0
BEGIN = 1_795_564_800.0


@dataclass
class Simulation:
    """`messages` are sent evenly over a day to different people. The seed decides everything else."""

    seed: int
    messages: int
    now: float = BEGIN
    told: int = 0
    items: int = 0
    codes: dict[int, int] = field(default_factory=dict)

    async def run(self) -> str:
        """The fingerprint of all answers and webhooks, in order."""
        trace = sha256()

        async def deliver(headers, body):
            trace.update(body)
            self.told += 1
            self.items += body.count(b'"status":')
            return 200

        settings = SandboxSettings(seed=self.seed, throughput=1000, batch_window=1.0)
        sandbox = Sandbox(settings, now=lambda: self.now, deliver=deliver)
        account = sandbox.open_account()
        moments = [(BEGIN + DAY * n / self.messages, n) for n in range(self.messages)]
        heapq.heapify(moments)
        due = await sandbox.step()
        while moments or due is not None:
            if moments and (due is None or moments[0][0] <= due):
                self.now, n = heapq.heappop(moments)
                reply = await sandbox.answer(_message(account, n))
                self.codes[reply.status] = self.codes.get(reply.status, 0) + 1
                trace.update(reply.body)
                coming = await sandbox.step() if due is None else due
                due = coming
            else:
                self.now = max(self.now, due)
                due = await sandbox.step()
                if due is not None and due <= self.now:
                    due = self.now + 0.001
        return trace.hexdigest()


def _message(account, n):
    body = {
        "messaging_product": "whatsapp",
        "to": str(447_700_000_000 + n),
        "type": "template",
        "template": {"name": "hello_world", "language": {"code": "en_US"}},
        "biz_opaque_callback_data": f"a1:{n:032x}",
    }
    return Call(
        method="POST",
        path=f"/v25.0/{account.phone_number_id}/messages",
        query="",
        authorization=f"Bearer {account.access_token}",
        body=json.dumps(body).encode(),
        content_type="application/json",
        host="sandbox",
    )
