import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Which operations the worker takes: names, and prefixes such as `image.>`. `image.*` means the same, as for workers in Node. */
final class Filters {
    private final List<String> all;

    /** @param written a comma list */
    Filters(String written) {
        all = Arrays.stream(written.split(",")).map(String::trim).map(Filters::one).distinct().sorted().toList();
    }

    private static String one(String name) {
        return name.endsWith("*") ? name.substring(0, name.length() - 1) + ">" : name;
    }

    /** The filters of the consumer of a lane. That for all operations has a spelling of its own. */
    List<String> subjects(String priority, String lane) {
        return all.stream().map(name -> "jobs." + priority + "." + lane + "." + (name.equals(">") ? ">" : "*.*." + name)).toList();
    }

    /** Those of these operations that one of the filters takes, in order. */
    List<String> of(Collection<String> operations) {
        return operations.stream().filter(this::take).sorted().toList();
    }

    private boolean take(String operation) {
        return all.stream().anyMatch(name -> name.endsWith(">") ? operation.startsWith(name.substring(0, name.length() - 1)) : operation.equals(name));
    }
}
