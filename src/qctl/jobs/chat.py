"""Jobs of the queue `message`: store a chat message, deliver it and notify the receiver.

Each step is idempotent by the job's id, so that a retry after a kill between two steps repeats nothing.
`qctl job show` shows the current step.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qctl.broker.bookkeeping import inbox
from qctl.broker.worker import job_context
from qctl.catalog.builtin import MAX_TEXT_CHARS
from qctl.errors import RejectedError
from qctl.files import images
from qctl.files.folder import Folder
from qctl.files.message_files import FILE_ID, harmless_name
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import parse_id, parse_text
from qctl.jobs.follow_up_jobs import enqueue_follow_up, redis_connection
from qctl.models import MessageFile
from qctl.store import chat, chat_deliveries
from qctl.store.chat import ChatMessage

log = logging.getLogger(__name__)

_MAX_PREVIEW_CHARS = 100
"""Longest excerpt of a message in the notification; a longer text is cut."""

STEPS = 4


def process_message(
    senderId: str | int,
    receiverId: str | int,
    text: str | None = None,
    image: str | None = None,
    file: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Store a message and its image, deliver it to the receiver's inbox, and notify the receiver.

    `image`: a path in UPLOAD_DIR or a `data:` URL. `file`: id, name and size of a file that a gateway stored. Returns
    the `messageId` and the name of the `image` in its folder or bucket. Raises RejectedError if the message is empty,
    or the image or the file invalid, SinkError if it cannot be stored now.
    """
    sender, receiver = parse_id("senderId", senderId), parse_id("receiverId", receiverId)
    body = parse_text("text", text, MAX_TEXT_CHARS)
    carried = None if file is None else _parse_file(file)
    if body is None and not image and carried is None:
        raise RejectedError("a message needs text, an image or a file")
    image_name = _store_image(image) if image else None
    job_context.progress(1, STEPS, "image stored")
    message_id = job_context.job_id() or uuid4().hex
    sent_at = job_context.created() or datetime.now(timezone.utc)
    message = ChatMessage(message_id, sender, receiver, body, image_name, sent_at, carried)
    chat.store_message(settings(), message)
    job_context.progress(2, STEPS, "stored")
    _deliver(message)
    job_context.progress(3, STEPS, "delivered")
    _notify_receiver(message)
    job_context.progress(STEPS, STEPS, "receiver notified")
    log.info("message delivered", extra={"event": "delivered"})
    return {"messageId": message_id, "image": image_name}


def _parse_file(value: Any) -> MessageFile:
    """The file that an argument describes. Raises RejectedError."""
    if not isinstance(value, Mapping) or value.keys() != {"id", "name", "size"}:
        raise RejectedError("file is not an object of id, name and size")
    id_, name, size = value["id"], value["name"], value["size"]
    if not isinstance(id_, str) or not FILE_ID.fullmatch(id_) or not isinstance(name, str):
        raise RejectedError("file needs the id and the name of a stored file")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 53:
        raise RejectedError("file needs its size in bytes")
    return MessageFile(id_, harmless_name(name), size)


def _store_image(image: str) -> str:
    """Store an image. Returns its name, a hash of its content."""
    data = images.decode_data_url(image, settings().max_file_size) if image.startswith("data:") else _read_upload(image)
    return images.store_image(settings(), data)


def _read_upload(name: str) -> bytes:
    with Folder(settings().uploads).open(name, settings().max_file_size) as file:
        return file.read()


def _deliver(message: ChatMessage) -> None:
    event = {
        "id": message.id,
        "senderId": message.sender,
        "receiverId": message.receiver,
        "text": message.text,
        "image": message.image,
        "file": None if message.file is None else {"name": message.file.name, "size": message.file.size},
        "sentAt": message.sent_at.astimezone(timezone.utc).isoformat(timespec="milliseconds"),
    }
    with redis_connection("the message cannot be delivered") as connection:
        inbox.deliver(connection, message.receiver, message.id, event)
    chat_deliveries.record_delivered(settings(), message.id, datetime.now(timezone.utc))


def _notify_receiver(message: ChatMessage) -> None:
    text = message.text or ("sent you a file" if message.file else "sent you an image")
    preview = text if len(text) <= _MAX_PREVIEW_CHARS else text[: _MAX_PREVIEW_CHARS - 1] + "\u2026"
    data = {"messageId": message.id, "senderId": message.sender}
    enqueue_follow_up("notify", {"receiverId": message.receiver, "text": preview, "kind": "message", "data": data})
