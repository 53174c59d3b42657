"""Jobs of the queue `message`: a chat message stored, delivered, and told of.

Each step does nothing the second time, by the job's id: whoever is killed between two of them, a retry goes on and
doubles nothing. `qctl job show` tells which step it has come to.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qctl.broker.bookkeeping import inbox
from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.files import image_store, images
from qctl.files.folder import Folder
from qctl.jobs import log_context
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import named, written
from qctl.jobs.follow_up_jobs import follow, redis
from qctl.store import chat
from qctl.store.chat import ChatMessage

log = logging.getLogger(__name__)

LONGEST = 10_000
"""Characters of a message."""

_SHOWN = 100
"""Characters of a message in the note that it came."""

STEPS = 4


def process_message(
    senderId: str | int, receiverId: str | int, text: str | None = None, image: str | None = None
) -> dict[str, Any]:
    """Keep a message's image, store the message, deliver it to the receiver's inbox, and have the receiver told.

    `image` is a path in UPLOAD_DIR or a `data:` URL. Returns the `messageId` and the name of the `image` in
    its folder or bucket. Raises RejectedError where there is no message in it or the image is none, SinkError where it
    cannot be stored now.
    """
    sender, receiver = named("senderId", senderId), named("receiverId", receiverId)
    said = written("text", text, LONGEST)
    if said is None and not image:
        raise RejectedError("a message has text, an image, or both")
    kept = _keep_image(image) if image else None
    job_context.progress(1, STEPS, "the image is kept")
    message_id = job_context.job_id() or uuid4().hex
    sent_at = job_context.created() or datetime.now(timezone.utc)
    message = ChatMessage(message_id, sender, receiver, said, kept, sent_at)
    chat.keep(settings(), message)
    job_context.progress(2, STEPS, "stored")
    _deliver(message)
    job_context.progress(3, STEPS, "delivered")
    _tell(message)
    job_context.progress(STEPS, STEPS, "the receiver is told")
    log.info("message delivered", extra=log_context.of("delivered"))
    return {"messageId": message_id, "image": kept}


def _keep_image(image: str) -> str:
    """Keep an image under a name that is its content's. Returns the name."""
    data = images.inline(image, settings().max_file_size) if image.startswith("data:") else _uploaded(image)
    return image_store.keep(settings(), data)


def _uploaded(name: str) -> bytes:
    with Folder(settings().uploads).open(name, settings().max_file_size) as file:
        return file.read()


def _deliver(message: ChatMessage) -> None:
    event = {
        "id": message.id,
        "senderId": message.sender,
        "receiverId": message.receiver,
        "text": message.text,
        "image": message.image,
        "sentAt": message.sent_at.astimezone(timezone.utc).isoformat(timespec="milliseconds"),
    }
    with redis("the message cannot be delivered") as connection:
        inbox.deliver(connection, message.receiver, message.id, event)


def _tell(message: ChatMessage) -> None:
    text = message.text or "sent you an image"
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "\u2026"
    data = {"messageId": message.id, "senderId": message.sender}
    follow("notify", {"receiverId": message.receiver, "text": shown, "kind": "message", "data": data})
