//! Matching of a description's `pattern`.
//!
//! The patterns of the official schema use a small part of regular expressions: literals, classes, groups with alternatives, `?`, `*`, `+`,
//! `{n,m}`, `.`, `\d`, `\w`, `\S`, `\s`. That part is compiled to a small program that is run over the text once, so that no value, however hostile,
//! takes long. What is not understood matches everything.

/// A compiled pattern for the whole value.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    /// Not understood.
    Everything,
    /// So many characters of one class: the most common pattern, and the one with the largest counts.
    Run { class: Class, min: usize, max: usize },
    /// Anything else.
    Program(Vec<Step>),
}

/// One character out of these ranges, or not out of them.
#[derive(Debug, Clone)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.negated
    }
}

#[derive(Debug, Clone)]
enum Node {
    One(Class),
    /// All in a row.
    Row(Vec<Node>),
    /// One of these.
    Either(Vec<Node>),
    /// So many times.
    Repeat {
        node: Box<Node>,
        min: usize,
        max: usize,
    },
    /// Start of the text.
    Start,
    /// End of the text.
    End,
}

/// A step of a program. Numbers are positions in it.
#[derive(Debug, Clone)]
enum Step {
    /// Takes a character.
    One(Class),
    /// Goes on at both.
    Split(usize, usize),
    /// Goes on there.
    Jump(usize),
    Start,
    End,
    Found,
}

/// A program is no longer; counts that would need more are not counted.
const LONGEST: usize = 4_000;

impl Pattern {
    /// Compiles; an expression that is not understood matches everything.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let mut parser = Parser { rest: source.chars().peekable(), fold: false };
        let node = parser.alternatives().filter(|_| parser.rest.peek().is_none());
        Self { source: source.to_owned(), matcher: node.map_or(Matcher::Everything, |node| compiled(&node)) }
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole value matches; a newline at its end is forgiven, as Perl's `$` does.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let whole = |value: &str| match &self.matcher {
            Matcher::Everything => true,
            Matcher::Run { class, min, max } => {
                (*min..=*max).contains(&value.chars().count()) && value.chars().all(|c| class.holds(c))
            }
            Matcher::Program(program) => run(program, value),
        };
        whole(value) || value.strip_suffix('\n').is_some_and(whole)
    }
}

fn compiled(node: &Node) -> Matcher {
    if let Node::Row(nodes) = node
        && let [Node::Repeat { node, min, max }] = nodes.as_slice()
        && let Node::One(class) = node.as_ref()
    {
        return Matcher::Run { class: class.clone(), min: *min, max: *max };
    }
    let mut program = Vec::new();
    emit(node, &mut program);
    program.push(Step::Found);
    if program.len() > LONGEST { Matcher::Everything } else { Matcher::Program(program) }
}

fn emit(node: &Node, program: &mut Vec<Step>) {
    if program.len() > LONGEST {
        return;
    }
    match node {
        Node::One(class) => program.push(Step::One(class.clone())),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::Row(nodes) => nodes.iter().for_each(|node| emit(node, program)),
        Node::Either(nodes) => {
            let mut ends = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let split = program.len();
                let last = index + 1 == nodes.len();
                if !last {
                    program.push(Step::Jump(0));
                }
                emit(node, program);
                if !last {
                    ends.push(program.len());
                    program.push(Step::Jump(0));
                    let next = program.len();
                    set(program, split, Step::Split(split + 1, next));
                }
            }
            let end = program.len();
            ends.into_iter().for_each(|at| set(program, at, Step::Jump(end)));
        }
        Node::Repeat { node, min, max } => {
            (0..*min).for_each(|_| emit(node, program));
            if *max == usize::MAX {
                let split = program.len();
                program.push(Step::Jump(0));
                emit(node, program);
                program.push(Step::Jump(split));
                let end = program.len();
                set(program, split, Step::Split(split + 1, end));
                return;
            }
            let mut splits = Vec::new();
            for _ in *min..*max {
                if program.len() > LONGEST {
                    return;
                }
                splits.push(program.len());
                program.push(Step::Jump(0));
                emit(node, program);
            }
            let end = program.len();
            splits.into_iter().for_each(|at| set(program, at, Step::Split(at + 1, end)));
        }
    }
}

fn set(program: &mut [Step], at: usize, step: Step) {
    if let Some(slot) = program.get_mut(at) {
        *slot = step;
    }
}

/// Runs over the text with all states at once.
fn run(program: &[Step], value: &str) -> bool {
    let length = value.chars().count();
    let mut states = Vec::new();
    let mut seen = vec![usize::MAX; program.len()];
    follow(program, 0, 0, length, &mut states, &mut seen);
    for (at, c) in value.chars().enumerate() {
        let mut next = Vec::new();
        for state in states {
            if matches!(program.get(state), Some(Step::One(class)) if class.holds(c)) {
                follow(program, state + 1, at + 1, length, &mut next, &mut seen);
            }
        }
        if next.is_empty() {
            return false;
        }
        states = next;
    }
    states.iter().any(|state| matches!(program.get(*state), Some(Step::Found)))
}

/// Adds a state and those that it leads to without taking a character.
fn follow(program: &[Step], from: usize, at: usize, length: usize, states: &mut Vec<usize>, seen: &mut [usize]) {
    let mut open = vec![from];
    while let Some(state) = open.pop() {
        match seen.get_mut(state) {
            Some(last) if *last != at => *last = at,
            _ => continue,
        }
        match program.get(state) {
            Some(Step::Jump(to)) => open.push(*to),
            Some(Step::Split(one, other)) => open.extend([*other, *one]),
            Some(Step::Start) if at == 0 => open.push(state + 1),
            Some(Step::End) if at == length => open.push(state + 1),
            Some(Step::One(_) | Step::Found) => states.push(state),
            _ => {}
        }
    }
}

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    fold: bool,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Option<Node> {
        let mut options = vec![self.row()?];
        while self.rest.next_if_eq(&'|').is_some() {
            options.push(self.row()?);
        }
        Some(if options.len() == 1 { options.pop()? } else { Node::Either(options) })
    }

    fn row(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.rest.peek().copied() {
            if c == '|' || c == ')' {
                break;
            }
            self.rest.next();
            let node = match c {
                '(' => self.group()?,
                '[' => self.class()?,
                '.' => Node::One(Class { ranges: vec![('\n', '\n')], negated: true }),
                '^' => Node::Start,
                '$' => Node::End,
                '\\' => {
                    let (ranges, negated) = escape(self.rest.next()?)?;
                    Node::One(Class { ranges, negated })
                }
                '*' | '+' | '?' | '{' => return None,
                literal => self.literal(literal),
            };
            nodes.push(self.repeated(node)?);
        }
        Some(Node::Row(nodes))
    }

    fn literal(&self, c: char) -> Node {
        let mut ranges = vec![(c, c)];
        if self.fold {
            let (low, high) = (c.to_ascii_lowercase(), c.to_ascii_uppercase());
            ranges.extend([(low, low), (high, high)]);
        }
        Node::One(Class { ranges, negated: false })
    }

    fn group(&mut self) -> Option<Node> {
        let outer = self.fold;
        if self.rest.next_if_eq(&'?').is_some() {
            // `(?:`, `(?^:` and `(?^i:`; look-around is not understood.
            loop {
                match self.rest.next()? {
                    ':' => break,
                    'i' => self.fold = true,
                    '^' | 'n' | 'x' | 'p' | 'u' => {}
                    _ => return None,
                }
            }
        }
        let node = self.alternatives()?;
        self.fold = outer;
        self.rest.next_if_eq(&')').map(|_| node)
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.rest.next()?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let low = if c == '\\' {
                let escaped = self.rest.next()?;
                match escape(escaped)? {
                    (found, false) if found.len() == 1 && found.iter().all(|(a, b)| a == b) => escaped_char(&found)?,
                    (found, false) => {
                        ranges.extend(found);
                        continue;
                    }
                    _ => return None,
                }
            } else {
                c
            };
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
                self.rest.next();
                let mut high = self.rest.next()?;
                if high == '\\' {
                    high = self.rest.next()?;
                }
                ranges.push((low, high));
            } else {
                ranges.push((low, low));
            }
        }
        if self.fold {
            let folded: Vec<_> = ranges
                .iter()
                .flat_map(|(a, b)| {
                    [(a.to_ascii_lowercase(), b.to_ascii_lowercase()), (a.to_ascii_uppercase(), b.to_ascii_uppercase())]
                })
                .collect();
            ranges.extend(folded);
        }
        Some(Node::One(Class { ranges, negated }))
    }

    fn repeated(&mut self, node: Node) -> Option<Node> {
        let (min, max) = match self.rest.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => return self.counted(node),
            _ => return Some(node),
        };
        self.rest.next();
        self.rest.next_if(|c| *c == '?' || *c == '+');
        Some(Node::Repeat { node: Box::new(node), min, max })
    }

    fn counted(&mut self, node: Node) -> Option<Node> {
        self.rest.next();
        let mut inner = String::new();
        loop {
            match self.rest.next()? {
                '}' => break,
                c => inner.push(c),
            }
        }
        let (min, max) = match inner.split_once(',') {
            None => {
                let n = inner.trim().parse().ok()?;
                (n, n)
            }
            Some((min, "")) => (min.trim().parse().ok()?, usize::MAX),
            Some((min, max)) => (min.trim().parse().unwrap_or(0), max.trim().parse().ok()?),
        };
        Some(Node::Repeat { node: Box::new(node), min, max })
    }
}

fn escaped_char(found: &[(char, char)]) -> Option<char> {
    found.first().map(|(c, _)| *c)
}

fn escape(c: char) -> Option<(Vec<(char, char)>, bool)> {
    const SPACE: [(char, char); 2] = [('\t', '\r'), (' ', ' ')];
    const WORD: [(char, char); 4] = [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
    Some(match c {
        'd' => (vec![('0', '9')], false),
        'D' => (vec![('0', '9')], true),
        'w' => (WORD.to_vec(), false),
        'W' => (WORD.to_vec(), true),
        's' => (SPACE.to_vec(), false),
        'S' => (SPACE.to_vec(), true),
        'n' => (vec![('\n', '\n')], false),
        't' => (vec![('\t', '\t')], false),
        c if c.is_ascii_alphanumeric() => return None,
        c => (vec![(c, c)], false),
    })
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn the_whole_value_has_to_match() {
        let id = Pattern::new("[A-Za-z][A-Za-z0-9\\.\\-_]+");
        assert!(id.matches("t1") && id.matches("lab.x-y_z"));
        assert!(!id.matches("t") && !id.matches("1a") && !id.matches("a b"));
    }

    #[test]
    fn groups_counts_and_alternatives() {
        let size = Pattern::new("\\+?\\d+(\\.\\d+)?[KMGT]?");
        assert!(size.matches("+10G") && size.matches("1.5T") && !size.matches("10X"));
        let mac = Pattern::new("(?^i:[0-9a-f]{2}(:[0-9a-f]{2}){5})");
        assert!(mac.matches("BC:24:11:00:aa:01") && !mac.matches("BC:24:11:00:aa"));
        assert!(Pattern::new("a|bc|").matches("") && Pattern::new("a|bc|").matches("bc"));
    }

    #[test]
    fn a_hostile_value_ends() {
        assert!(!Pattern::new("(a*)*b").matches(&"a".repeat(100_000)));
        assert!(Pattern::new("[0-9a-z]{0,4096}").matches(&"a".repeat(4096)));
        assert!(!Pattern::new("[0-9a-z]{0,4096}").matches(&"a".repeat(4097)));
    }
}
