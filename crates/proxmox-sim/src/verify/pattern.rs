//! Matching of a description's `pattern`.
//!
//! The patterns of the official schema use a small part of regular expressions: literals, classes, groups with alternatives, `?`, `*`, `+`,
//! `{n,m}`, `.`, `\d`, `\w`, `\S`, `\s`. That part is matched here by backtracking with a bound on the work; what is not understood matches everything.

/// A compiled pattern for the whole value.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    node: Option<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    /// One character out of these ranges, or not out of them.
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
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
    /// Start or end of the text.
    Start,
    End,
}

/// Steps that one match may take.
const BUDGET: usize = 200_000;

impl Pattern {
    /// Compiles; an expression that is not understood matches everything.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let mut parser = Parser { rest: source.chars().peekable(), fold: false };
        let node = parser.alternatives().filter(|_| parser.rest.peek().is_none());
        Self { source: source.to_owned(), node }
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole value matches; a newline at its end is forgiven, as Perl's `$` does.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let Some(node) = &self.node else { return true };
        let text: Vec<char> = value.chars().collect();
        let mut budget = BUDGET;
        let end = text.len();
        step(node, &text, 0, &mut budget, &mut |at| at == end || (at + 1 == end && text.get(at) == Some(&'\n')))
    }
}

fn step(node: &Node, text: &[char], at: usize, budget: &mut usize, next: &mut dyn FnMut(usize) -> bool) -> bool {
    *budget = budget.saturating_sub(1);
    if *budget == 0 {
        return false;
    }
    match node {
        Node::Class { ranges, negated } => match text.get(at) {
            Some(c) if ranges.iter().any(|(low, high)| low <= c && c <= high) != *negated => next(at + 1),
            _ => false,
        },
        Node::Start => at == 0 && next(at),
        Node::End => at == text.len() && next(at),
        Node::Either(nodes) => nodes.iter().any(|node| step(node, text, at, budget, next)),
        Node::Row(nodes) => row(nodes, text, at, budget, next),
        Node::Repeat { node, min, max } => repeat(node, *min, *max, text, at, budget, next),
    }
}

fn row(nodes: &[Node], text: &[char], at: usize, budget: &mut usize, next: &mut dyn FnMut(usize) -> bool) -> bool {
    let Some((first, rest)) = nodes.split_first() else { return next(at) };
    // The budget is shared between the two closures by handing it on by value and taking the smaller one back.
    let mut left = *budget;
    let found = step(first, text, at, budget, &mut |at| row(rest, text, at, &mut left, next));
    *budget = (*budget).min(left);
    found
}

fn repeat(
    node: &Node,
    min: usize,
    max: usize,
    text: &[char],
    at: usize,
    budget: &mut usize,
    next: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let mut left = *budget;
    let again = max > 0
        && step(node, text, at, budget, &mut |to| {
            to > at && repeat(node, min.saturating_sub(1), max - 1, text, to, &mut left, next)
        });
    *budget = (*budget).min(left);
    again || (min == 0 && next(at))
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
                '.' => Node::Class { ranges: vec![('\n', '\n')], negated: true },
                '^' => Node::Start,
                '$' => Node::End,
                '\\' => {
                    let (ranges, negated) = escape(self.rest.next()?)?;
                    Node::Class { ranges, negated }
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
        Node::Class { ranges, negated: false }
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
        Some(Node::Class { ranges, negated })
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
        assert!(!Pattern::new("(a*)*b").matches(&"a".repeat(5000)));
    }
}
