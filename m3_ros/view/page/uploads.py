"""The size of uploads, held before viser stores them."""

from __future__ import annotations

import viser
from viser import _messages as messages

MAX_UPLOAD = 20_000_000
"""Bytes of all uploads under way together; a photograph of a phone has up to 12 million."""


def limit_uploads(server: viser.ViserServer) -> None:
    """Refuse an upload that is announced as too large, and drop one that is larger than announced.

    viser stores the parts of an upload of any size, and offers no hook before that.
    """
    gui = server.gui
    handlers, states = gui._websock_interface, gui._current_file_upload_states
    start, part = gui._handle_file_transfer_start, gui._handle_file_transfer_part

    def guarded_start(client_id: int, message: messages.FileTransferStartUpload) -> None:
        announced = sum(state["total_bytes"] for state in states.values()) + message.size_bytes
        if message.size_bytes >= 0 and announced <= MAX_UPLOAD:
            start(client_id, message)
            return
        client = server.get_clients().get(client_id)
        if client is None:
            return
        client.add_notification(
            "refused",
            f"{message.filename} has {message.size_bytes} bytes; at most {MAX_UPLOAD} are taken "
            "at a time: send a smaller picture",
            color="red",
        )
        # the browser waits for this, else it shows the upload as under way for good
        handlers.queue_message(
            messages.FileTransferPartAck(
                source_component_uuid=message.source_component_uuid,
                transfer_uuid=message.transfer_uuid,
                transferred_bytes=message.size_bytes,
                total_bytes=message.size_bytes,
            )
        )

    def guarded_part(client_id: int, message: messages.FileTransferPart) -> None:
        state = states.get(message.transfer_uuid)
        if state is None:
            return
        if state["transferred_bytes"] + len(message.content) > state["total_bytes"]:
            del states[message.transfer_uuid]
            return
        part(client_id, message)

    for kind, theirs, ours in (
        (messages.FileTransferStartUpload, start, guarded_start),
        (messages.FileTransferPart, part, guarded_part),
    ):
        handlers.unregister_handler(kind, theirs)
        handlers.register_handler(kind, ours)
    # viser does so only for a browser that has told its camera
    server._websock_server.on_client_disconnect(
        lambda connection: gui._drop_uploads_from_client(connection.client_id)
    )
