use super::util::{ours, tracepy};

/// Builds a tree of dicts: forty levels, the last four of them with two children each. The leaf
/// at the very end keeps a block of a known size.
const TREE: &str = "\
import tracemalloc

def leaf():
    return {\"payload\": bytearray(123_456)}

def build(depth):
    node = {}
    node[\"left\"] = build(depth - 1) if depth else leaf()
    if 0 < depth < 4:
        node[\"right\"] = build(
            depth - 1
        )
    return node

tree = build(40)
snapshot = tracemalloc.take_snapshot()
biggest = snapshot.statistics('traceback')[0]
print(biggest.size > 123_456, biggest.count)
print(len(biggest.traceback), biggest.traceback.total_nframe)
for frame in biggest.traceback:
    print(frame)
print('formatted')
print('\\n'.join(biggest.traceback.format()))
node = tree
while 'left' in node:
    node = node['left']
payload = tracemalloc.get_object_traceback(node['payload'])
print('payload', [frame.lineno for frame in payload])
print('node', [frame.lineno for frame in tracemalloc.get_object_traceback(node)])
";

/// The blocks of 2³ leaves are reached by different ways through lines 8 and 10; all 25 frames of
/// a traceback are inside of `build`, from the 24th call outwards, with `leaf` at the end.
#[test]
fn a_tree_of_dicts_has_25_frames_with_the_right_lines() {
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", TREE])
        .run()
        .success();
    let mut lines = out.stdout.lines();
    let first = lines.next().unwrap_or_default().starts_with("True ");
    let out = out.clone().check(first, "the biggest block is the payload");
    let frames = lines.next() == Some("25 43");
    // 41 frames of `build`, `leaf`, and the module.
    let out = out.check(frames, "25 frames are kept of 43");
    let shown: Vec<String> = lines.by_ref().take(25).map(str::to_owned).collect();
    let last = shown.last().is_some_and(|line| line == "<string>:4");
    let out = out.check(last, "the newest frame is the line of the payload");
    let line = if shown[23] == "<string>:8" { 8 } else { 0 };
    let out = out.check(line == 8, "before it, the call of `leaf`");
    let middle = shown[..23]
        .iter()
        .all(|line| line == "<string>:8" || line == "<string>:10");
    let out = out.check(middle, "all other frames are calls of `build`");
    // Only the last four levels have a second child.
    let far = shown[..19].iter().all(|line| line == "<string>:8");
    let out = out.check(far, "the upper levels have one child each");

    let formatted = lines.next() == Some("formatted");
    let out = out.check(formatted, "then the formatted traceback");
    let rest: Vec<&str> = lines.collect();
    let files = rest
        .iter()
        .filter(|line| line.starts_with("  File \"<string>\", line "))
        .count();
    let out = out.check(files == 25, "25 formatted frames");

    let payload = format!("payload [{}4]", "8, ".repeat(24));
    let has_payload = rest.contains(&payload.as_str());
    let out = out.check(has_payload, &format!("expected: {payload}"));
    let node = format!("node [{}4]", "8, ".repeat(24));
    // CPython makes the dict itself on the same line.
    let has_node = rest.contains(&node.as_str());
    out.check(has_node, &format!("expected: {node}"));
}

/// The dicts of the tree: each on the line that makes it, whatever its depth.
#[test]
fn every_node_of_a_tree_is_on_the_line_that_made_it() {
    let code = "\
import tracemalloc
def build(depth):
    if not depth:
        return {}
    node = {\"depth\": depth}
    node[\"children\"] = [build(depth - 1) for _ in range(2)]
    return node
held = [dict() for _ in range(200)]
tree = build(9)
found = {}
def walk(node):
    line = tracemalloc.get_object_traceback(node)[-1].lineno
    kind = 'node' if node else 'leaf'
    found[kind, line] = found.get((kind, line), 0) + 1
    for child in node.get('children', ()):
        walk(child)
walk(tree)
print(sorted(found.items()))
";
    for frames in ["1", "2", "25", "1000"] {
        let option = format!("tracemalloc={frames}");
        let out = tracepy().args(["-X", &option, "-c", code]).run().success();
        out.stdout_is("[(('leaf', 4), 512), (('node', 5), 511)]\n");
    }
}

/// A recursion that ends in the interpreter's own error leaves the tracer whole.
#[test]
fn a_recursion_error_is_traced_and_survived() {
    let code = "\
import tracemalloc
def endless(n):
    block = bytearray(100)
    return endless(n + 1)
for _ in range(3):
    try:
        endless(0)
    except RecursionError:
        pass
block = bytearray(100)
print(tracemalloc.get_object_traceback(block)[-1].lineno)
";
    for frames in ["1", "25", "65535"] {
        let option = format!("tracemalloc={frames}");
        let out = tracepy()
            .args(["-X", &option, "-c", code])
            .timeout(if ours() { 120 } else { 400 });
        out.run().success().stdout_is("10\n");
    }
}
