import com.chinamobile.cmos.sms.SmsTextMessage;
import com.zx.sms.codec.cmpp.msg.CmppActiveTestRequestMessage;
import com.zx.sms.codec.cmpp.msg.CmppDeliverRequestMessage;
import com.zx.sms.codec.cmpp.msg.CmppDeliverResponseMessage;
import com.zx.sms.codec.cmpp.msg.CmppReportRequestMessage;
import com.zx.sms.codec.cmpp.msg.CmppSubmitRequestMessage;
import com.zx.sms.codec.cmpp.msg.CmppSubmitResponseMessage;
import com.zx.sms.codec.cmpp.msg.CmppTerminateRequestMessage;
import com.zx.sms.common.util.MsgId;
import com.zx.sms.connect.manager.EndpointEntity;
import com.zx.sms.connect.manager.EndpointManager;
import com.zx.sms.connect.manager.cmpp.CMPPClientEndpointEntity;
import com.zx.sms.connect.manager.cmpp.CMPPEndpointEntity;
import com.zx.sms.connect.manager.cmpp.CMPPServerChildEndpointEntity;
import com.zx.sms.connect.manager.cmpp.CMPPServerEndpointEntity;
import com.zx.sms.handler.api.AbstractBusinessHandler;
import com.zx.sms.session.cmpp.SessionState;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A foreign ISMG ("ismg") or SP ("sp") of CMPP 2.0 and 3.0. Prints one JSON object per line for every step; exits 0
 * without a complaint, 1 with one. The ISMG ends when its standard input does; the SP when it has all its reports.
 */
public final class Smsgate {
    private static final Map<String, String> OPTIONS = new LinkedHashMap<>();
    private static final AtomicInteger COMPLAINTS = new AtomicInteger();
    private static final DateTimeFormatter MINUTE = DateTimeFormatter.ofPattern("yyMMddHHmm");

    private Smsgate() {}

    public static void main(String[] words) throws Exception {
        OPTIONS.put("host", "127.0.0.1");
        OPTIONS.put("port", "0");
        OPTIONS.put("version", "2.0");
        OPTIONS.put("account", "901234");
        OPTIONS.put("secret", "s3cr3t!");
        OPTIONS.put("receipt-delay-ms", "50");
        OPTIONS.put("stat", "DELIVRD");
        OPTIONS.put("undelivered-to", ""); // recipients that end so get MA:0022 instead
        OPTIONS.put("refuse", "0");
        OPTIONS.put("mo", "");
        OPTIONS.put("from", "1069012345");
        OPTIONS.put("to", "13800138000");
        OPTIONS.put("text", "hello");
        OPTIONS.put("count", "1");
        OPTIONS.put("wait-for-mo", "0"); // parts of messages from phones that the SP waits for
        OPTIONS.put("timeout-ms", "15000");
        String role = words.length == 0 ? "" : words[0];
        for (int i = 1; i < words.length; i += 2) {
            String name = words[i].replaceFirst("^--", "");
            if (!OPTIONS.containsKey(name) || i + 1 == words.length) usage();
            OPTIONS.put(name, words[i + 1]);
        }
        if (role.equals("ismg")) ismg();
        else if (role.equals("sp")) sp();
        else usage();
        int complaints = COMPLAINTS.get();
        tell("stopped", "complaints", complaints);
        // Its own threads outlive main.
        Runtime.getRuntime().halt(complaints == 0 ? 0 : 1);
    }

    private static void usage() {
        System.err.println("smsgate ismg|sp --" + String.join(" V --", OPTIONS.keySet()) + " V");
        System.exit(2);
    }

    private static void ismg() throws Exception {
        int port = Integer.parseInt(OPTIONS.get("port"));
        if (port == 0) {
            // The library tells no port that it was given, so a free one is looked for first.
            try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(OPTIONS.get("host")))) {
                port = free.getLocalPort();
            }
        }
        CMPPServerEndpointEntity server = new CMPPServerEndpointEntity();
        server.setId("server");
        server.setHost(OPTIONS.get("host"));
        server.setPort(port);
        server.setValid(true);
        CMPPServerChildEndpointEntity account = new CMPPServerChildEndpointEntity();
        settle(account, new Ismg());
        server.addchild(account);
        EndpointManager.INS.addEndpointEntity(server);
        EndpointManager.INS.openAll();
        tell("listening", "port", port);
        while (System.in.read() >= 0) {}
    }

    private static void sp() throws Exception {
        CMPPClientEndpointEntity client = new CMPPClientEndpointEntity();
        settle(client, new Sp());
        client.setHost(OPTIONS.get("host"));
        client.setPort(Integer.parseInt(OPTIONS.get("port")));
        EndpointManager.INS.addEndpointEntity(client);
        EndpointManager.INS.openAll();
        long timeout = Long.parseLong(OPTIONS.get("timeout-ms"));
        if (!Sp.DONE.await(timeout, TimeUnit.MILLISECONDS)) complain("not all answers and reports came", "missing", Sp.missing());
        Channel channel = Sp.channel;
        if (channel == null) return;
        send(channel, new CmppTerminateRequestMessage());
        // The library takes the answer itself and then closes.
        if (!channel.closeFuture().await(timeout, TimeUnit.MILLISECONDS)) complain("CMPP_TERMINATE had no answer");
    }

    private static void settle(CMPPEndpointEntity entity, AbstractBusinessHandler handler) {
        entity.setId(OPTIONS.get("account"));
        entity.setGroupName("conformance");
        entity.setUserName(OPTIONS.get("account"));
        entity.setPassword(OPTIONS.get("secret"));
        entity.setSpCode(OPTIONS.get("from"));
        entity.setMsgSrc(OPTIONS.get("account"));
        entity.setServiceId("YZM");
        entity.setVersion((short) (OPTIONS.get("version").equals("3.0") ? 0x30 : 0x20));
        entity.setChartset(StandardCharsets.UTF_8);
        entity.setValid(true);
        entity.setMaxChannels((short) 8);
        entity.setRetryWaitTimeSec((short) 30);
        entity.setMaxRetryCnt((short) 1);
        entity.setReSendFailMsg(false);
        // It encodes texts only where it may split them; received parts stay parts, for they are what is judged.
        entity.setSupportLongmsg(EndpointEntity.SupportLongMessage.SEND);
        entity.setBusinessHandlerSet(Collections.singletonList(handler));
    }

    /** What both sides tell alike. */
    @ChannelHandler.Sharable
    private abstract static class Side extends AbstractBusinessHandler {
        @Override
        public String name() {
            return getClass().getSimpleName();
        }

        @Override
        public AbstractBusinessHandler clone() {
            return this;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
            if (event == SessionState.Connect) {
                // The library serves link tests and ends before they come to us.
                ctx.pipeline().addBefore("CmppActiveTestRequestMessageHandler", "Told", new Told());
                tell("bound", "account", OPTIONS.get("account"), "version", OPTIONS.get("version"));
                bound(ctx.channel());
            }
            ctx.fireUserEventTriggered(event);
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) throws Exception {
            tell("closed");
            ctx.fireChannelInactive();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable error) {
            complain("the octets make no unit", "error", String.valueOf(error));
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
            if (!received(ctx.channel(), message)) ctx.fireChannelRead(message);
        }

        abstract void bound(Channel channel);

        /** Says whether it was for this side. */
        abstract boolean received(Channel channel, Object message);
    }

    /** Tells what the library answers by itself. */
    private static final class Told extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof CmppActiveTestRequestMessage) tell("active_test");
            if (message instanceof CmppTerminateRequestMessage) tell("terminate");
            ctx.fireChannelRead(message);
        }
    }

    private static final class Ismg extends Side {
        @Override
        void bound(Channel channel) {
            if (OPTIONS.get("mo").isEmpty()) return;
            CmppDeliverRequestMessage deliver = new CmppDeliverRequestMessage();
            deliver.setDestId(OPTIONS.get("from"));
            deliver.setSrcterminalId(OPTIONS.get("to"));
            deliver.setServiceid("YZM");
            deliver.setMsgContent(new SmsTextMessage(OPTIONS.get("mo")));
            tell("mo_sent", "Msg_Id", id(deliver.getMsgId()));
            send(channel, deliver);
        }

        @Override
        boolean received(Channel channel, Object message) {
            if (message instanceof CmppSubmitRequestMessage) {
                submitted(channel, (CmppSubmitRequestMessage) message);
                return true;
            }
            if (message instanceof CmppDeliverResponseMessage) {
                CmppDeliverResponseMessage answer = (CmppDeliverResponseMessage) message;
                tell("deliver_answered", "Msg_Id", id(answer.getMsgId()), "Result", answer.getResult());
                return true;
            }
            return false;
        }

        private void submitted(Channel channel, CmppSubmitRequestMessage submit) {
            CmppSubmitResponseMessage answer = new CmppSubmitResponseMessage(submit.getHeader().getSequenceId());
            answer.setMsgId(new MsgId());
            answer.setResult(Long.parseLong(OPTIONS.get("refuse")));
            tell("submit", "Sequence_Id", submit.getHeader().getSequenceId(), "Msg_Id", id(answer.getMsgId()),
                "Result", answer.getResult(), "Pk_total", submit.getPktotal(), "Pk_number", submit.getPknumber(),
                "Registered_Delivery", submit.getRegisteredDelivery(), "Service_Id", submit.getServiceId(),
                "TP_udhi", submit.getTpudhi(), "Msg_Fmt", submit.getMsgfmt().getValue() & 0xFF,
                "Msg_src", submit.getMsgsrc(), "Src_Id", submit.getSrcId(),
                "Dest_terminal_Id", String.join(",", submit.getDestterminalId()),
                "Msg_Content_hex", hexadecimal(submit.getMsgContentBytes()), "text", text(submit));
            if (!OPTIONS.get("account").equals(submit.getMsgsrc())) {
                complain("Msg_src is not the account", "Msg_src", submit.getMsgsrc());
            }
            send(channel, answer);
            if (answer.getResult() != 0 || submit.getRegisteredDelivery() != 1) return;
            long delay = Long.parseLong(OPTIONS.get("receipt-delay-ms"));
            channel.eventLoop().schedule(() -> report(channel, submit, answer.getMsgId()), delay, TimeUnit.MILLISECONDS);
        }

        private void report(Channel channel, CmppSubmitRequestMessage submit, MsgId id) {
            CmppReportRequestMessage report = new CmppReportRequestMessage();
            String now = LocalDateTime.now().format(MINUTE);
            String failing = OPTIONS.get("undelivered-to");
            boolean fails = !failing.isEmpty() && submit.getDestterminalId()[0].endsWith(failing);
            report.setMsgId(id);
            report.setStat(fails ? "MA:0022" : OPTIONS.get("stat"));
            report.setSubmitTime(now);
            report.setDoneTime(now);
            report.setDestterminalId(submit.getDestterminalId()[0]);
            report.setSmscSequence(1234);
            CmppDeliverRequestMessage deliver = new CmppDeliverRequestMessage();
            deliver.setDestId(submit.getSrcId());
            deliver.setSrcterminalId(submit.getDestterminalId()[0]);
            deliver.setServiceid(submit.getServiceId());
            deliver.setReportRequestMessage(report);
            tell("report_sent", "Msg_Id", id(id), "Stat", report.getStat());
            send(channel, deliver);
        }
    }

    private static final class Sp extends Side {
        static final CountDownLatch DONE = new CountDownLatch(1);
        static final Set<Integer> UNANSWERED = ConcurrentHashMap.newKeySet();
        static final Set<String> UNREPORTED = ConcurrentHashMap.newKeySet();
        static volatile Channel channel;

        static final AtomicInteger FROM_PHONES = new AtomicInteger();

        static int missing() {
            int phones = Integer.parseInt(OPTIONS.get("wait-for-mo")) - FROM_PHONES.get();
            return UNANSWERED.size() + UNREPORTED.size() + Math.max(phones, 0);
        }

        @Override
        void bound(Channel bound) {
            channel = bound;
            CmppSubmitRequestMessage[] submits = new CmppSubmitRequestMessage[Integer.parseInt(OPTIONS.get("count"))];
            for (int i = 0; i < submits.length; i++) {
                submits[i] = CmppSubmitRequestMessage.create(OPTIONS.get("to"), OPTIONS.get("from"), OPTIONS.get("text"));
                submits[i].setRegisteredDelivery((short) 1);
                submits[i].setServiceId("YZM");
                submits[i].setMsgsrc(OPTIONS.get("account"));
                UNANSWERED.add(submits[i].getSequenceNo());
            }
            // Behind this handler a long text is in parts, each with a Sequence_Id of the library's.
            bound.pipeline().addBefore("CMPPDeliverLongMessageHandler", "Parts", new Parts());
            for (CmppSubmitRequestMessage submit : submits) send(bound, submit);
        }

        @Override
        boolean received(Channel from, Object message) {
            if (message instanceof CmppSubmitResponseMessage) {
                CmppSubmitResponseMessage answer = (CmppSubmitResponseMessage) message;
                tell("submit_resp", "Sequence_Id", answer.getSequenceNo(), "Msg_Id", id(answer.getMsgId()), "Result", answer.getResult());
                if (!UNANSWERED.contains(answer.getSequenceNo())) complain("an answer to no submit of ours");
                if (answer.getResult() == 0) UNREPORTED.add(id(answer.getMsgId()));
                else complain("a submit was refused", "Result", answer.getResult());
                UNANSWERED.remove(answer.getSequenceNo());
            } else if (message instanceof CmppDeliverRequestMessage) {
                delivered(from, (CmppDeliverRequestMessage) message);
            } else {
                return false;
            }
            if (missing() == 0) DONE.countDown();
            return true;
        }

        private void delivered(Channel from, CmppDeliverRequestMessage deliver) {
            CmppDeliverResponseMessage answer = new CmppDeliverResponseMessage(deliver.getHeader().getSequenceId());
            answer.setMsgId(deliver.getMsgId());
            answer.setResult(0);
            send(from, answer);
            CmppReportRequestMessage report = deliver.getReportRequestMessage();
            if (report == null) {
                FROM_PHONES.incrementAndGet();
                tell("deliver", "Dest_Id", deliver.getDestId(), "Src_terminal_Id", deliver.getSrcterminalId(), "text", deliver.getMsgContent());
                return;
            }
            tell("report", "Msg_Id", id(report.getMsgId()), "Stat", report.getStat(), "Dest_terminal_Id", report.getDestterminalId());
            if (!UNREPORTED.remove(id(report.getMsgId()))) complain("a report about no submit of ours");
            if (!OPTIONS.get("stat").equals(report.getStat())) complain("another Stat", "Stat", report.getStat());
            if (!OPTIONS.get("to").equals(report.getDestterminalId())) complain("another Dest_terminal_Id");
        }
    }

    /** Notes the parts that the library makes of what it is given. */
    private static final class Parts extends ChannelOutboundHandlerAdapter {
        @Override
        public void write(ChannelHandlerContext ctx, Object message, ChannelPromise written) {
            if (message instanceof CmppSubmitRequestMessage) {
                CmppSubmitRequestMessage part = (CmppSubmitRequestMessage) message;
                Sp.UNANSWERED.add(part.getSequenceNo());
                tell("submit", "Sequence_Id", part.getSequenceNo(), "Pk_total", part.getPktotal(), "Pk_number", part.getPknumber());
            }
            ctx.write(message, written);
        }
    }

    private static void send(Channel channel, Object message) {
        channel.writeAndFlush(message).addListener(written -> {
            if (!written.isSuccess()) complain("could not be written", "error", String.valueOf(written.cause()));
        });
    }

    /** The eight octets of an id, as the wire has them. */
    private static String id(MsgId id) {
        long value = (long) id.getMonth() << 60 | (long) id.getDay() << 55 | (long) id.getHour() << 50
            | (long) id.getMinutes() << 44 | (long) id.getSeconds() << 38 | (long) id.getGateId() << 16 | (id.getSequenceId() & 0xFFFF);
        return String.format("%016x", value);
    }

    /** What the part says on a phone: its octets behind the header, in the charset that Msg_Fmt names. */
    private static String text(CmppSubmitRequestMessage submit) {
        byte[] octets = submit.getMsgContentBytes();
        int header = submit.getTpudhi() == 1 ? (octets[0] & 0xFF) + 1 : 0;
        int format = submit.getMsgfmt().getValue() & 0xFF;
        Charset charset = format == 8 ? StandardCharsets.UTF_16BE : format == 15 ? Charset.forName("GB18030") : StandardCharsets.US_ASCII;
        return new String(octets, header, octets.length - header, charset);
    }

    private static String hexadecimal(byte[] octets) {
        StringBuilder text = new StringBuilder();
        for (byte octet : octets) text.append(String.format("%02x", octet));
        return text.toString();
    }

    private static void complain(String what, Object... more) {
        COMPLAINTS.incrementAndGet();
        Object[] all = new Object[more.length + 2];
        all[0] = "what";
        all[1] = what;
        System.arraycopy(more, 0, all, 2, more.length);
        tell("complaint", all);
    }

    private static synchronized void tell(String step, Object... more) {
        StringBuilder line = new StringBuilder("{\"step\":").append(quoted(step));
        for (int i = 0; i + 1 < more.length; i += 2) {
            line.append(',').append(quoted((String) more[i])).append(':');
            line.append(more[i + 1] instanceof Number ? more[i + 1].toString() : quoted(String.valueOf(more[i + 1])));
        }
        System.out.println(line.append('}'));
        System.out.flush();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char unit : text.toCharArray()) {
            if (unit == '"' || unit == '\\') quoted.append('\\').append(unit);
            else if (unit < ' ' || unit > '~') quoted.append(String.format("\\u%04x", (int) unit));
            else quoted.append(unit);
        }
        return quoted.append('"').toString();
    }
}
