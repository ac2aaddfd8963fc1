//! Whose turn it is. Targets have theirs in order, but for those of a server that has no connection left: they come when it has one, and
//! hold up nobody else.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// For how long a server without a connection left is asked again before fewer of its targets are under way at a time. It takes that time
/// to let go of one that was closed.
const MOMENT: Duration = Duration::from_millis(500);

/// How often it is asked before, at least.
const ENOUGH: u32 = 5;

/// How often it is asked where there is nothing else to do.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How often it is asked where there is.
const SELDOM: Duration = Duration::from_secs(1);

/// The most that counts as a wait between two questions: behind targets that take long it was not asked.
const LONGEST: Duration = Duration::from_secs(2);

/// The turns of a fleet's targets.
#[derive(Default)]
pub(super) struct Turns {
    /// The targets' places, in the order of their turns
    order: Vec<usize>,
    servers: Vec<Server>,
}

/// What is known of a server. Where targets wait for their turns, it has a seat, or a lane has one of it.
#[derive(Default)]
struct Server {
    /// The targets whose turn is yet to come, by their numbers in the order
    waiting: BTreeSet<usize>,
    /// The seats that no lane has
    free: VecDeque<Seat>,
    /// How many seats the lanes have
    taken: usize,
}

/// The right to a connection of a server. There are as many as the fleet's limit, and fewer once the server has shown that it has not so many.
pub(super) struct Seat {
    server: usize,
    /// For how long it was asked for a connection in vain, since it last gave one
    waited: Duration,
    /// How often
    refused: u32,
    /// When it last had none
    asked: Option<Instant>,
}

/// The turn of a target.
pub(super) struct Turn {
    /// The target's
    pub(super) place: usize,
    pub(super) seat: Seat,
}

/// What a lane is to do next.
pub(super) enum Next {
    Turn(Turn),
    /// To look again after a [`PAUSE`]: what is left is of servers that have no connection left
    Later,
    /// Nothing: what is left is for the lanes that have the seats of its servers
    Over,
}

impl Turns {
    /// Gives targets their turns, in this order; each with what its server is known by, and at most `limit` of a server at a time.
    pub(super) fn new<'t>(targets: impl IntoIterator<Item = (usize, &'t str)>, limit: usize) -> Self {
        let mut turns = Self::default();
        let mut servers = HashMap::new();
        for (number, (place, name)) in targets.into_iter().enumerate() {
            turns.order.push(place);
            let index = *servers.entry(name).or_insert(turns.servers.len());
            if index == turns.servers.len() {
                turns.servers.push(Server::default());
            }
            let server = &mut turns.servers[index];
            server.waiting.insert(number);
            if server.free.len() < limit {
                server.free.push_back(Seat {
                    server: index,
                    waited: Duration::ZERO,
                    refused: 0,
                    asked: None,
                });
            }
        }
        turns
    }

    /// The next turn of a lane, which gives back the seat that it had. That is one act: a target is left to seats that somebody still has.
    pub(super) fn next(&mut self, seat: Option<Seat>) -> Next {
        if let Some(seat) = seat {
            let server = &mut self.servers[seat.server];
            server.taken -= 1;
            server.free.push_front(seat);
            // More than one per target would only ask more often.
            server.free.truncate(server.waiting.len());
        }
        match self.first(SELDOM).or_else(|| self.first(PAUSE)) {
            Some(turn) => Next::Turn(turn),
            None if self.servers.iter().any(Server::is_asked_again) => Next::Later,
            None => Next::Over,
        }
    }

    /// The first turn of a server with a seat for which nothing was asked in vain within this time.
    fn first(&mut self, pause: Duration) -> Option<Turn> {
        let is_due = |seat: &Seat| seat.asked.is_none_or(|asked| asked.elapsed() >= pause);
        let with_seat = self.servers.iter_mut().filter(|server| server.free.iter().any(is_due));
        let firsts = with_seat.filter_map(|server| Some((*server.waiting.first()?, server)));
        let (number, server) = firsts.min_by_key(|(number, _)| *number)?;
        let due = server.free.iter().position(is_due)?;
        let seat = server.free.remove(due)?;
        server.waiting.remove(&number);
        server.taken += 1;
        Some(Turn { place: self.order[number], seat })
    }

    /// Takes note that the server had no connection left for a turn. It comes again behind the others, as it may be only this target's database
    /// or user that has none; or is given back, if the wait was longer than `limit`.
    pub(super) fn refused(&mut self, mut turn: Turn, limit: Duration) -> Option<Turn> {
        let seat = &mut turn.seat;
        seat.waited += seat.asked.map_or(Duration::ZERO, |asked| asked.elapsed().min(LONGEST));
        seat.refused += 1;
        let server = &mut self.servers[seat.server];
        let is_only = server.taken + server.free.len() == 1;
        if is_only && seat.waited >= limit.max(MOMENT) {
            // Where a wait was in vain, the server's next target is asked for once.
            seat.asked = None;
            return Some(turn);
        }
        server.taken -= 1;
        server.waiting.insert(self.order.len());
        self.order.push(turn.place);
        if is_only || turn.seat.waited < MOMENT || turn.seat.refused < ENOUGH {
            turn.seat.asked = Some(Instant::now());
            server.free.push_back(turn.seat);
        }
        None
    }
}

impl Server {
    /// Whether a lane without a seat can still get one.
    fn is_asked_again(&self) -> bool {
        !self.waiting.is_empty() && !self.free.is_empty()
    }
}

impl Seat {
    /// Takes note that the server had a connection, or something else to say.
    pub(super) fn served(&mut self) {
        self.waited = Duration::ZERO;
        self.refused = 0;
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(servers: &[&str], limit: usize) -> Turns {
        Turns::new(servers.iter().copied().enumerate(), limit)
    }

    fn take(turns: &mut Turns, seat: Option<Seat>) -> Turn {
        match turns.next(seat) {
            Next::Turn(turn) => turn,
            Next::Later | Next::Over => panic!("no turn"),
        }
    }

    #[test]
    fn targets_have_their_turns_in_order_and_those_of_a_full_server_when_it_has_a_connection() {
        let mut turns = turns(&["a", "a", "b", "a", "b"], 2);
        let first = [take(&mut turns, None), take(&mut turns, None)];
        assert_eq!([first[0].place, first[1].place], [0, 1]);
        for turn in first {
            assert!(turns.refused(turn, Duration::MAX).is_none());
        }
        let b = take(&mut turns, None);
        assert_eq!(b.place, 2);
        let b = take(&mut turns, Some(b.seat));
        assert_eq!(b.place, 4);
        assert!(matches!(turns.next(Some(b.seat)), Next::Later));
        std::thread::sleep(PAUSE);
        let mut a = take(&mut turns, None);
        assert_eq!(a.place, 3);
        a.seat.served();
        let a = take(&mut turns, Some(a.seat));
        assert_eq!(a.place, 0);
        let a = take(&mut turns, Some(a.seat));
        assert_eq!(a.place, 1);
        assert!(matches!(turns.next(Some(a.seat)), Next::Over));
    }

    #[test]
    fn a_wait_in_vain_for_one_server_is_none_for_another() {
        let mut turns = turns(&["a", "a", "b"], 1);
        let mut turn = take(&mut turns, None);
        turn.seat.waited = MOMENT;
        let turn = turns.refused(turn, MOMENT).unwrap();
        let turn = take(&mut turns, Some(turn.seat));
        assert_eq!(turn.place, 1);
        let turn = turns.refused(turn, MOMENT).unwrap();
        let b = take(&mut turns, Some(turn.seat));
        assert_eq!(b.place, 2);
        assert!(turns.refused(b, MOMENT).is_none());
    }

    #[test]
    fn a_server_has_as_many_seats_as_it_gave_connections_and_at_least_one() {
        let mut turns = turns(&["a"; 4], 3);
        let served = take(&mut turns, None);
        for _ in 0..2 {
            let mut turn = take(&mut turns, None);
            turn.seat.waited = MOMENT;
            turn.seat.refused = ENOUGH;
            assert!(turns.refused(turn, MOMENT).is_none());
        }
        assert!(matches!(turns.next(None), Next::Over));
        let mut turn = take(&mut turns, Some(served.seat));
        assert_eq!(turn.place, 3);
        turn.seat.waited = MOMENT;
        assert!(turns.refused(turn, Duration::MAX).is_none());
        assert!(matches!(turns.next(None), Next::Later));
    }
}
