"""A gateway service in Python: submits a message, follows it to its end, and looks at the trunks.

All it knows of carrierd are the files in proto/. From the root of the repository:

    pip install -r conformance/peers/grpc/requirements.txt
    mkdir generated
    python -m grpc_tools.protoc -I proto --python_out=generated --grpc_python_out=generated proto/carrierd/v1/*.proto
    PYTHONPATH=generated python conformance/peers/grpc/client.py --gateway 127.0.0.1:7300 --to 13800138000

google/rpc/status.proto is not generated: googleapis-common-protos brings it, together with the details of errors.
Prints one JSON object per line for every step. Exits 0 when everything came as it should, 1 when it did not.
"""

import argparse
import json
import queue
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carrierd.v1 import event_service_pb2, event_service_pb2_grpc
from carrierd.v1 import sms_service_pb2, sms_service_pb2_grpc
from carrierd.v1 import trunk_service_pb2, trunk_service_pb2_grpc

SUBSCRIPTION = "example"


def main():
    options = read_arguments()
    with grpc.insecure_channel(options.gateway) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=options.timeout)
            run(channel, options)
        except (Complaint, grpc.RpcError, grpc.FutureTimeoutError) as complaint:
            tell("complaint", what=f"{type(complaint).__name__}: {complaint}")
            return 1
    tell("stopped", complaints=0)
    return 0


def run(channel, options):
    list_trunks(channel, options)

    # Subscribe before the first submit: a new subscription begins at the end of the log.
    subscribe(channel, options)

    sms = sms_service_pb2_grpc.SmsServiceStub(channel)
    request = sms_service_pb2.SubmitMessageRequest(
        # Ours, made once per message and kept until there is an answer. After a broken connection or a passed deadline
        # the same request goes out again, under the same id.
        request_id=str(uuid.uuid4()),
        message=sms_service_pb2.OutboundMessage(
            tenant_id=options.tenant,
            to=options.to,
            text=options.text,
            category=sms_service_pb2.MESSAGE_CATEGORY_NOTIFICATION,
            report_requested=True,
            client_reference="order-4711",
        ),
    )
    first = sms.SubmitMessage(request, timeout=options.timeout)
    tell("accepted", message_id=first.message_id, segment_count=first.plan.segment_count, replayed=first.replayed)
    again = sms.SubmitMessage(request, timeout=options.timeout)
    tell("accepted", message_id=again.message_id, segment_count=again.plan.segment_count, replayed=again.replayed)
    expect(again.message_id == first.message_id, "the same request_id became another message")

    submit_to_a_bad_number(sms, options)
    follow(channel, first.message_id, options)


def list_trunks(channel, options):
    trunks = trunk_service_pb2_grpc.TrunkServiceStub(channel)
    listed = trunks.ListTrunks(trunk_service_pb2.ListTrunksRequest(), timeout=options.timeout)
    for trunk in listed.trunks:
        tell(
            "trunk",
            trunk_id=trunk.trunk_id,
            protocol=trunk.protocol,
            state=trunk_service_pb2.TrunkState.Name(trunk.state),
            bound_links=trunk.bound_link_count,
            wanted_links=trunk.wanted_link_count,
        )


def submit_to_a_bad_number(sms, options):
    """What a refusal looks like: a code for programs, a reason that is part of the contract, the field, a sentence."""
    request = sms_service_pb2.SubmitMessageRequest(
        request_id=str(uuid.uuid4()),
        message=sms_service_pb2.OutboundMessage(
            tenant_id=options.tenant,
            to="not a number",
            text=options.text,
            category=sms_service_pb2.MESSAGE_CATEGORY_NOTIFICATION,
        ),
    )
    try:
        sms.SubmitMessage(request, timeout=options.timeout)
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)  # a google.rpc.Status; None if the call itself failed
        expect(status is not None, f"no google.rpc.Status: {error}")
        reason, fields = None, []
        for detail in status.details:
            info, request_fault = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(request_fault):
                fields = [violation.field for violation in request_fault.field_violations]
        tell("refused", code=error.code().name, reason=reason, fields=fields, message=status.message)
    else:
        raise Complaint("a bad number was accepted")


def subscribe(channel, options):
    events = event_service_pb2_grpc.EventServiceStub(channel)
    events.CreateSubscription(
        event_service_pb2.CreateSubscriptionRequest(
            subscription=event_service_pb2.Subscription(
                subscription_id=SUBSCRIPTION,
                kinds=[event_service_pb2.EVENT_KIND_MESSAGE_STATE],
            )
        ),
        timeout=options.timeout,
    )
    tell("subscribed", subscription_id=SUBSCRIPTION)


def follow(channel, message_id, options):
    """Reads events until the final one of `message_id`; acks each, and waits until that ack is durable."""
    frame = event_service_pb2.StreamEventsRequest
    to_send = queue.SimpleQueue()  # frames of ours; None ends our side of the stream
    opening = event_service_pb2.OpenStream(subscription_id=SUBSCRIPTION, consumer_id="example-1", initial_credit=1)
    to_send.put(frame(open=opening))
    # Credit is how many events we may hold without an ack. We take up to ten at a time.
    to_send.put(frame(credit=event_service_pb2.CreditGrant(credit=9)))

    stream = event_service_pb2_grpc.EventServiceStub(channel).StreamEvents(
        iter(to_send.get, None), timeout=options.timeout
    )
    final_event_id = None
    for response in stream:
        which = response.WhichOneof("frame")
        if which == "batch":
            for event in response.batch.events:
                # An event may come more than once: remember event_id where that would do harm. Ack it when what it
                # leads to is done and safe on our side.
                moved = event.message_state
                if moved.message_id == message_id and moved.final:
                    final_event_id = event.event_id
                tell(
                    "event",
                    event_id=event.event_id,
                    message_id=moved.message_id,
                    state=sms_service_pb2.MessageState.Name(moved.state),
                    final=moved.final,
                    carrier_said=moved.status.raw_text,
                    client_reference=event.client_reference,
                )
            done = [event.event_id for event in response.batch.events]
            to_send.put(frame(ack=event_service_pb2.AckBatch(ack_event_ids=done)))
        elif which == "ack_confirmation":
            tell("acked", event_ids=list(response.ack_confirmation.event_ids))
            if final_event_id in response.ack_confirmation.event_ids:
                to_send.put(None)
                stream.cancel()
                return
        elif which == "closing":
            raise Complaint(f"the daemon is going away: {response.closing.reason}")  # a service reconnects
    raise Complaint("the event stream ended early")


class Complaint(Exception):
    """Something the daemon should not have done."""


def expect(true, what):
    if not true:
        raise Complaint(what)


def tell(step, **more):
    print(json.dumps({"step": step, **more}), flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(description="Submits one message and follows it to its end.")
    parser.add_argument("--gateway", default="127.0.0.1:7300", help="where the daemon's API is")
    parser.add_argument("--tenant", default="example")
    parser.add_argument("--to", default="13800138000")
    parser.add_argument("--text", default="【示例】您的验证码是 4711")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for each call")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
