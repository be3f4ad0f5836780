use super::util::{ours, tracepy};

/// Builds a tree of dicts: forty levels, the last three of them with two children each. Each of the
/// eight leaves keeps a block of a known size.
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
for trace in tracemalloc.take_snapshot().traces:
    if trace.size >= 123_456 and trace.traceback[-1].filename == '<string>':
        frames = trace.traceback
        print('leaf', len(frames), frames.total_nframe, *[frame.lineno for frame in frames])
        print({frame.filename for frame in frames})
node = tree
while 'left' in node:
    node = node['left']
traceback = tracemalloc.get_object_traceback(node['payload'])
print('payload', *[frame.lineno for frame in traceback])
print('dict', *[frame.lineno for frame in tracemalloc.get_object_traceback(node)])
print('\\n'.join(traceback.format()))
";

#[test]
fn a_tree_of_dicts_has_25_frames_with_the_right_lines() {
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", TREE])
        .run()
        .success();
    // The newest frame is the line of the payload, then the call of `leaf` on the ground; the
    // levels 1 to 3 call from line 8 or from line 10, and all those above from line 8. That makes
    // 25, of 43: 41 calls of `build`, `leaf` and the module.
    let mut expected = Vec::new();
    for third in [8, 10] {
        for second in [8, 10] {
            for first in [8, 10] {
                let above = "8 ".repeat(20);
                expected.push(format!("leaf 25 43 {above}{third} {second} {first} 8 4"));
            }
        }
    }
    expected.sort();
    let mut leaves: Vec<&str> = out
        .stdout
        .lines()
        .filter(|l| l.starts_with("leaf "))
        .collect();
    leaves.sort_unstable();
    let right = leaves == expected;
    let out = out.check(right, &format!("expected\n{}", expected.join("\n")));
    let files = out
        .stdout
        .lines()
        .filter(|line| *line == "{'<string>'}")
        .count();
    let out = out.check(files == 8, "all frames are of the program");

    let left = format!("{}4", "8 ".repeat(24));
    let out = out.stdout_has(&format!("payload {left}\n"));
    let out = out.stdout_has(&format!("dict {left}\n"));
    let formatted = "  File \"<string>\", line ";
    let lines = out
        .stdout
        .lines()
        .filter(|line| line.starts_with(formatted))
        .count();
    out.check(lines == 25, "expected 25 formatted frames");
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
