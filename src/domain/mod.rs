//! The platform's words: messages, deliveries, reports, calls and events, without IO and without a wire.

mod address;
mod call;
mod cause;
mod delivery;
mod event;
mod history;
mod id;
mod message;
mod numbering;
mod option;
mod outcome;
mod report;
#[cfg(test)]
pub mod testing;
mod wanted;

pub use address::{Number, Sender, mask};
pub use call::{
    Call, CallAttempt, CallDirection, CallMoved, CallProgress, CallRecord, CallState, CallTimes,
    DialogSnapshot, InboundCall, Ladder, LadderLine, Rung, Sdp, SdpRole,
};
pub use cause::{Cause, Elsewhere, Evidence, HangupParty};
pub use delivery::{Delivery, End, ReportEffect, Segment, SegmentState, Transition};
pub use event::{Event, EventKind, InboundMessage, MessageMoved, OrphanReport, Payload, TrunkMoved};
pub use history::{
    Again, History, LateAnswer, Matched, ReportRecord, ReportUse, Try, applied_report, is_told,
};
pub use id::{
    CallId, CarrierId, EventId, InvalidId, MessageId, RequestKey, SubscriptionId, TenantId, TrunkId,
};
pub use message::{
    AmbiguityPolicy, BinaryContent, Category, Content, Message, MessageState, SegmentPlan, TextEncoding,
};
pub use numbering::{International, NumberPlan, OperatorIndex, OperatorSource, e164};
pub use option::{check_option, is_own_tag, tlv_tag};
pub use outcome::{Blame, CarrierStatus, FailureClass, Reaction, StatusSource, SubmitOutcome, UnknownCause};
pub use report::{Report, ReportedState};
pub use wanted::{Wanted, WantedState};
