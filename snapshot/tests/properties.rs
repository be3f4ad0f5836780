//! The crate against models written in the most obvious way, on random input.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use snapshot::{
    DomainFilter, FileName, Filter, Fold, Frame, FrameFilter, KeyType, MergedDump, Pattern,
    Snapshot, Text, Traceback,
};
use support::{PlainTrace, build, file_names, plain};

fn traces() -> impl Strategy<Value = Vec<PlainTrace>> {
    let frame = (prop::sample::select(file_names()), 0_u32..4);
    let trace = (
        0_u32..3,
        -5_i64..40,
        prop::collection::vec(frame, 1..5),
        any::<Option<u32>>(),
    );
    let trace = trace.prop_map(|(domain, size, frames, total_nframe)| PlainTrace {
        domain,
        size,
        frames,
        total_nframe,
    });
    prop::collection::vec(trace, 0..40)
}

fn kinds() -> impl Strategy<Value = (KeyType, bool)> {
    prop::sample::select(vec![
        (KeyType::Traceback, false),
        (KeyType::Filename, false),
        (KeyType::Lineno, false),
        (KeyType::Filename, true),
        (KeyType::Lineno, true),
    ])
}

/// Frames, the oldest first: the key of a statistic.
type NaiveKey = Vec<(FileName, u32)>;

fn naive_groups(traces: &[PlainTrace], kind: (KeyType, bool)) -> BTreeMap<NaiveKey, (i64, i64)> {
    let mut groups = BTreeMap::new();
    for trace in traces {
        let keys: Vec<NaiveKey> = match kind {
            (KeyType::Traceback, _) => vec![trace.frames.iter().rev().cloned().collect()],
            (KeyType::Lineno, true) => trace.frames.iter().map(|f| vec![f.clone()]).collect(),
            (KeyType::Lineno, false) => vec![vec![trace.frames[0].clone()]],
            (KeyType::Filename, true) => trace
                .frames
                .iter()
                .map(|f| vec![(f.0.clone(), 0)])
                .collect(),
            (KeyType::Filename, false) => vec![vec![(trace.frames[0].0.clone(), 0)]],
        };
        for key in keys {
            let group: &mut (i64, i64) = groups.entry(key).or_default();
            group.0 += trace.size;
            group.1 += 1;
        }
    }
    groups
}

fn naive_key(traceback: &Traceback) -> NaiveKey {
    let frame = |Frame { filename, lineno }: &Frame| (filename.clone(), *lineno);
    traceback.frames().iter().map(frame).collect()
}

/// A filter as data.
#[derive(Clone, Debug)]
struct NaiveFilter {
    inclusive: bool,
    /// Of a filter by domain, nothing but the domain counts.
    by_domain: bool,
    domain: Option<i64>,
    name: FileName,
    lineno: Option<i64>,
    all_frames: bool,
}

impl NaiveFilter {
    fn passes(&self, trace: &PlainTrace) -> bool {
        let same_domain = self
            .domain
            .is_none_or(|domain| domain == i64::from(trace.domain));
        if self.by_domain {
            return same_domain == self.inclusive;
        }
        let py = |name: &FileName| {
            let text = name.as_bytes();
            text.strip_suffix(b".pyc")
                .map_or(text.to_vec(), |stem| [stem, b".py"].concat())
        };
        let hit = |frame: &(FileName, u32)| {
            py(&frame.0) == py(&self.name) && self.lineno.is_none_or(|l| l == i64::from(frame.1))
        };
        let hits = if self.all_frames {
            trace.frames.iter().any(hit)
        } else {
            hit(&trace.frames[0])
        };
        match self.inclusive {
            true => hits && same_domain,
            false => !hits || !same_domain,
        }
    }

    fn real(&self) -> Filter {
        if self.by_domain {
            return DomainFilter::new(self.inclusive, self.domain.unwrap()).into();
        }
        let mut filter = FrameFilter::new(self.inclusive, &self.name);
        filter.lineno = self.lineno;
        filter.all_frames = self.all_frames;
        filter.domain = self.domain;
        filter.into()
    }
}

fn filters() -> impl Strategy<Value = Vec<NaiveFilter>> {
    // Names that are patterns of themselves.
    let names: Vec<FileName> = file_names()
        .into_iter()
        .filter(|name| !name.as_bytes().contains(&b'['))
        .collect();
    let filter = (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(0_i64..4),
        prop::sample::select(names),
        prop::option::of(-1_i64..4),
        any::<bool>(),
    );
    let filter = filter.prop_map(|(inclusive, by_domain, domain, name, lineno, all_frames)| {
        let by_domain = by_domain && domain.is_some();
        NaiveFilter {
            inclusive,
            by_domain,
            domain,
            name,
            lineno,
            all_frames,
        }
    });
    prop::collection::vec(filter, 0..4)
}

/// A part of a pattern, and how it is written.
#[derive(Clone, Debug)]
enum Part {
    Char(char),
    Any,
    Star,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

const LETTERS: [char; 6] = ['a', 'b', 'c', '/', 'é', '😀'];

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let letter = || prop::sample::select(LETTERS.to_vec());
    let range = (letter(), letter()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let class = (any::<bool>(), prop::collection::vec(range, 1..3))
        .prop_map(|(negated, ranges)| Part::Class { negated, ranges });
    let part = prop_oneof![
        3 => letter().prop_map(Part::Char),
        1 => Just(Part::Any),
        3 => Just(Part::Star),
        1 => class,
    ];
    prop::collection::vec(part, 0..8)
}

fn written(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Char(c) => c.to_string(),
        Part::Any => "?".to_owned(),
        Part::Star => "*".to_owned(),
        Part::Class { negated, ranges } => {
            let ranges: String = ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect();
            format!("[{}{ranges}]", if *negated { "!" } else { "" })
        }
    };
    parts.iter().map(part).collect()
}

fn naive_match(parts: &[Part], name: &[char]) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return name.is_empty();
    };
    if matches!(part, Part::Star) {
        return (0..=name.len()).any(|taken| naive_match(rest, &name[taken..]));
    }
    let Some((c, name)) = name.split_first() else {
        return false;
    };
    let one = match part {
        Part::Char(wanted) => c == wanted,
        Part::Any | Part::Star => true,
        Part::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| (low..=high).contains(&c)) != *negated
        }
    };
    one && naive_match(rest, name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_holds_what_was_given(traces in traces()) {
        let snapshot = build(&traces, 25);
        prop_assert_eq!(plain(&snapshot), traces.clone());
        for (trace, given) in snapshot.traces().zip(&traces) {
            let traceback = snapshot.traceback(trace.traceback);
            let oldest_first: NaiveKey = given.frames.iter().rev().cloned().collect();
            prop_assert_eq!(naive_key(&traceback), oldest_first);
            prop_assert_eq!(traceback.total_nframe(), given.total_nframe);
        }
    }

    #[test]
    fn statistics_are_those_of_the_model(traces in traces(), kind in kinds()) {
        let mut expected: Vec<_> = naive_groups(&traces, kind)
            .into_iter()
            .map(|(key, (size, count))| (size, count, key))
            .collect();
        expected.sort();
        expected.reverse();
        let found: Vec<_> = build(&traces, 25)
            .statistics(kind.0, kind.1)
            .unwrap()
            .iter()
            .map(|s| (s.size, s.count, naive_key(&s.traceback)))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn differences_are_those_of_the_model(old in traces(), new in traces(), kind in kinds()) {
        // Something in common, or there is little to compare.
        let new: Vec<_> = new.into_iter().chain(old.iter().step_by(2).cloned()).collect();
        let (old_groups, new_groups) = (naive_groups(&old, kind), naive_groups(&new, kind));
        let keys: std::collections::BTreeSet<_> =
            old_groups.keys().chain(new_groups.keys()).collect();
        let mut expected: Vec<_> = keys
            .into_iter()
            .map(|key| {
                let (size, count) = new_groups.get(key).copied().unwrap_or_default();
                let (old_size, old_count) = old_groups.get(key).copied().unwrap_or_default();
                let (dsize, dcount) = (size - old_size, count - old_count);
                (dsize.abs(), size, dcount.abs(), count, key.clone(), dsize, dcount)
            })
            .collect();
        expected.sort();
        expected.reverse();
        let found: Vec<_> = build(&new, 25)
            .compare_to(&build(&old, 25), kind.0, kind.1)
            .unwrap()
            .iter()
            .map(|s| {
                let key = naive_key(&s.traceback);
                let (dsize, dcount) = (s.size_diff, s.count_diff);
                (dsize.abs(), s.size, dcount.abs(), s.count, key, dsize, dcount)
            })
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn differences_do_not_depend_on_shared_tables(traces in traces(), kind in kinds()) {
        let all = build(&traces, 25);
        let some = all.filter_traces(&[DomainFilter::new(true, 1).into()]);
        let apart = build(&plain(&some), 25);
        prop_assert_eq!(
            all.compare_to(&some, kind.0, kind.1).unwrap(),
            all.compare_to(&apart, kind.0, kind.1).unwrap()
        );
        prop_assert_eq!(
            some.compare_to(&all, kind.0, kind.1).unwrap(),
            apart.compare_to(&all, kind.0, kind.1).unwrap()
        );
    }

    #[test]
    fn filters_are_those_of_the_model(traces in traces(), filters in filters()) {
        let passes = |trace: &PlainTrace| {
            let mut include = filters.iter().filter(|f| f.inclusive).peekable();
            let mut exclude = filters.iter().filter(|f| !f.inclusive);
            (include.peek().is_none() || include.any(|f| f.passes(trace)))
                && exclude.all(|f| f.passes(trace))
        };
        let expected: Vec<_> = traces.iter().filter(|trace| passes(trace)).cloned().collect();
        let real: Vec<Filter> = filters.iter().map(NaiveFilter::real).collect();
        let kept = build(&traces, 25).filter_traces(&real);
        prop_assert_eq!(plain(&kept), expected);
        prop_assert_eq!(kept.traceback_limit(), 25);

        // One filter on one trace, by itself.
        for (filter, real) in filters.iter().zip(&real) {
            for trace in &traces {
                let domain = i64::from(trace.domain);
                let frames = trace.frames.iter().map(|(name, line)| (name, i64::from(*line)));
                let alone = match real {
                    Filter::Frame(real) => real.matches(domain, frames),
                    Filter::Domain(real) => real.matches(domain),
                };
                prop_assert_eq!(alone, filter.passes(trace));
            }
        }
    }

    #[test]
    fn dumps_come_back(traces in traces(), limit in any::<u32>(), filters in filters()) {
        let snapshot = build(&traces, limit);
        let real: Vec<Filter> = filters.iter().map(NaiveFilter::real).collect();
        for snapshot in [snapshot.filter_traces(&real), snapshot] {
            let mut bytes = Vec::new();
            snapshot.dump(&mut bytes).unwrap();
            let loaded = Snapshot::load(&bytes[..]).unwrap();
            prop_assert_eq!(plain(&loaded), plain(&snapshot));
            prop_assert_eq!(loaded.traceback_limit(), limit);
        }
    }

    #[test]
    fn sums_of_many_are_those_of_all_traces(
        dumps in prop::collection::vec(traces(), 0..5),
        kind in kinds(),
        filters in filters(),
    ) {
        let all = build(&dumps.concat(), 25);
        let real: Vec<Filter> = filters.iter().map(NaiveFilter::real).collect();
        let mut fold = Fold::new();
        for (traces, limit) in dumps.iter().zip([3, 25, 1, 7, 2]) {
            fold.add(&build(traces, limit)).unwrap();
        }
        let sums = fold.finish().unwrap();
        for (sums, all) in [(&sums, &all), (&sums.filter_traces(&real), &all.filter_traces(&real))] {
            prop_assert_eq!(sums.blocks(), all.len() as i64);
            prop_assert_eq!(sums.total_size(), all.total_size());
            prop_assert_eq!(sums.by_domain(), all.by_domain());
            prop_assert_eq!(sums.by_package(kind.1), all.by_package(kind.1));
            let found = sums.statistics(kind.0, kind.1).unwrap();
            prop_assert_eq!(found, all.statistics(kind.0, kind.1).unwrap());
            let differences = all.compare_groups(sums, kind.0, kind.1).unwrap();
            prop_assert!(differences.iter().all(|d| (d.size_diff, d.count_diff) == (0, 0)));
        }
    }

    #[test]
    fn a_merged_dump_has_all_traces_in_order(dumps in prop::collection::vec(traces(), 0..5)) {
        let mut merged = MergedDump::new(Vec::new()).unwrap();
        for (traces, limit) in dumps.iter().zip([3, 25, 1, 7, 2]) {
            merged.add(&build(traces, limit)).unwrap();
        }
        let snapshot = Snapshot::from_bytes(&merged.finish().unwrap()).unwrap();
        prop_assert_eq!(plain(&snapshot), dumps.concat());
        let limit = [0, 3, 25, 25, 25, 25][dumps.len()];
        prop_assert_eq!(snapshot.traceback_limit(), limit);
    }

    #[test]
    fn patterns_match_what_the_model_matches(
        parts in parts(),
        name in prop::collection::vec(prop::sample::select(LETTERS.to_vec()), 0..8),
    ) {
        let text: String = name.iter().collect();
        let pattern = written(&parts);
        prop_assert_eq!(
            Pattern::new(&pattern).matches(&text),
            naive_match(&parts, &name),
            "{:?} {:?}", pattern, text
        );
    }

    #[test]
    fn any_bytes_are_a_text_a_pattern_and_no_panic(bytes in any::<Vec<u8>>(), more in any::<Vec<u8>>()) {
        let text = Text::new(&bytes);
        prop_assert!(Text::from_wtf8(text.as_bytes()).is_some());
        Pattern::new(&bytes).matches(&more);
        let _ = Snapshot::from_bytes(&bytes);
    }
}
