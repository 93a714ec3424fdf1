import io.nats.client.impl.SocketDataPortWithWriteTimeout;
import java.io.IOException;

/**
 * The bytes from NATS. jnats reads nothing more, and says nothing, after a header that is not ASCII: it gets `"` for such bytes.
 * The rest is what jnats takes without a setting, which ends a connection that takes no bytes for a minute.
 */
public final class AsciiHeaders extends SocketDataPortWithWriteTimeout {
    /**
     * No URL, baggage, tag, time or number has it, so such a header is not read. An ordering key and a `tracestate` are: they may
     * have it. jnats cuts control characters off.
     */
    private static final byte OTHER = '"';

    private final StringBuilder line = new StringBuilder();
    private long headerLeft;
    private long bodyLeft;

    @Override
    public int read(byte[] into, int from, int most) throws IOException {
        int count = super.read(into, from, most);
        for (int place = from; place < from + count; place++) into[place] = readable(into[place]);
        return count;
    }

    private byte readable(byte next) {
        if (headerLeft > 0) {
            headerLeft--;
            return next < 0 ? OTHER : next;
        }
        if (bodyLeft > 0) {
            bodyLeft--;
        } else if (next == '\n') {
            begin(line.toString().trim().split("[ \\t]+"));
            line.setLength(0);
        } else {
            line.append((char) next);
        }
        return next;
    }

    /** `MSG <subject> <sid> [reply] <bytes>`, or `HMSG <subject> <sid> [reply] <bytes of the headers> <all bytes>`. */
    private void begin(String[] words) {
        boolean hasHeaders = words[0].equalsIgnoreCase("HMSG");
        if (!hasHeaders && !words[0].equalsIgnoreCase("MSG")) return;
        headerLeft = hasHeaders ? Long.parseLong(words[words.length - 2]) : 0;
        bodyLeft = Long.parseLong(words[words.length - 1]) - headerLeft + "\r\n".length();
    }
}
