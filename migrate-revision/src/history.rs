//! A piece of the history, newest first.

use crate::graph::{Applied, Index};
use crate::labels::Labels;
use crate::order::downwards;
use crate::resolve::Walked;
use crate::target::Reading;
use crate::{End, Resolver, Target, TargetError, TargetRange};

/// Where steps below each head lead.
#[derive(Debug, Default)]
pub(crate) struct BelowHeads {
    pub(crate) revisions: Vec<Index>,
    /// Whether one leads to before the first revision
    base: bool,
    /// Whether the first head has not so many below it
    first_is_short: bool,
}

impl Resolver<'_> {
    /// The revisions from one end of a range to the other, both included, newest first.
    ///
    /// `+n` at the upper end counts from the lower one; `-n` at the lower end counts from the heads, or from the upper end
    /// where that would lead below the first revision. A branch named at the lower end leaves out what is beside it.
    ///
    /// # Errors
    /// When an end leads nowhere, or the lower one is not below the upper one.
    pub fn history(&self, range: &TargetRange, current: &Applied) -> Result<Vec<Index>, TargetError> {
        let ends = self.upper(range, current)?;
        let mut tops = ends.clone();
        if let End::At(Target::Branch { branch, .. }) = &range.from {
            self.keep_branch(&mut tops, branch)?;
        }
        self.no_overlap(&tops)?;
        let floor = self.lower(range, current, &ends)?;
        self.between(&floor, &tops).map_err(|error| match error {
            TargetError::NotOneLine { .. } => {
                TargetError::NotOneLine { from: end_text(&range.from), to: end_text(&range.to) }
            }
            other => other,
        })
    }

    /// The revisions from these up to those, both included, newest first; from the first ones if there are none to start from.
    ///
    /// # Errors
    /// When revisions at one end stand on each other, or the lower end is not below the upper one.
    pub fn between(&self, floor: &[Index], tops: &[Index]) -> Result<Vec<Index>, TargetError> {
        self.no_overlap(tops)?;
        let required = self.graph.closure(tops.iter().copied());
        if floor.iter().any(|&index| !required.contains(index)) {
            let list =
                |ends: &[Index]| self.ids(ends).iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            return Err(TargetError::NotOneLine { from: list(floor), to: list(tops) });
        }
        let mut chosen: Vec<bool> = (0..self.graph.len()).map(|index| required.contains(index)).collect();
        if !floor.is_empty() {
            self.no_overlap(floor)?;
            let above = self.graph.progeny(floor);
            (0..chosen.len()).for_each(|index| chosen[index] &= above[index]);
        }
        Ok(downwards(self.graph, &chosen, tops))
    }

    fn upper(&self, range: &TargetRange, current: &Applied) -> Result<Vec<Index>, TargetError> {
        let target = match &range.to {
            End::Open => &Target::Heads,
            End::Current => return Ok(current.heads().to_vec()),
            End::At(target) => target,
        };
        match self.read(target) {
            Reading { place: None, steps: Some(steps @ ..=0), .. } => Err(TargetError::WrongDirection(steps)),
            Reading { branch, place: None, steps } => {
                let from = match (&range.from, branch) {
                    (End::Open, _) => Vec::new(),
                    (End::Current, _) => current.heads().to_vec(),
                    (End::At(from), None) => self.one(from)?.into_iter().collect(),
                    (End::At(from), Some(_)) => self.all(from)?,
                };
                self.steps_up(branch, from, steps.unwrap_or(0))
            }
            Reading { branch, place: Some(place), steps: Some(steps) } => {
                Ok(self.as_far_as_it_goes(self.walk_from(branch, place, steps, steps > 0)?))
            }
            Reading { branch, place: Some(place), steps: None } => self.place(branch, place),
        }
    }

    fn steps_up(
        &self,
        branch: Option<&str>,
        from: Vec<Index>,
        steps: i32,
    ) -> Result<Vec<Index>, TargetError> {
        let lineage = self.branch_lineage(branch)?;
        let start = self.start_on_branch(lineage.as_deref(), steps, from)?;
        Ok(self.as_far_as_it_goes(self.walk_up(start, steps, lineage.as_deref())?))
    }

    fn as_far_as_it_goes(&self, walked: Walked) -> Vec<Index> {
        match walked {
            Walked::At(index) | Walked::Short { last: Some(index), .. } => vec![index],
            Walked::Base | Walked::Short { last: None, .. } => Vec::new(),
        }
    }

    /// The revisions at the lower end, the upper end being these.
    fn lower(
        &self,
        range: &TargetRange,
        current: &Applied,
        ends: &[Index],
    ) -> Result<Vec<Index>, TargetError> {
        let target = match &range.from {
            End::Open => return Ok(Vec::new()),
            End::Current => return Ok(current.heads().to_vec()),
            End::At(target) => target,
        };
        let Some(below) = self.below_heads(target)? else { return self.all(target) };
        let required = self.graph.closure(ends.iter().copied());
        let beside = below.revisions.iter().any(|&index| !required.contains(index));
        if beside || below.base && (below.first_is_short || !below.revisions.is_empty()) {
            return Err(TargetError::NotOneLine { from: end_text(&range.from), to: end_text(&range.to) });
        }
        match self.read(target) {
            // So far below the heads there is nothing: count from where the range ends.
            Reading { branch, steps: Some(steps), .. } if below.first_is_short => {
                self.steps_below(ends, branch, steps)
            }
            _ => Ok(below.revisions),
        }
    }

    /// Where so many steps below the heads lead, if the target is `-n`.
    pub(crate) fn below_heads(&self, target: &Target) -> Result<Option<BelowHeads>, TargetError> {
        let Reading { branch, place: None, steps: Some(steps @ ..=-1) } = self.read(target) else {
            return Ok(None);
        };
        let mut heads = self.graph.effective_heads();
        if let Some(branch) = branch {
            self.branch(branch)?;
            let labels = Labels::new(self.revisions, self.graph);
            heads.retain(|&head| labels.of(head).contains(&branch));
        }
        let mut below = BelowHeads::default();
        for (place, &head) in heads.iter().enumerate() {
            match self.walk_down(Some(head), steps)? {
                Walked::At(index) => below.revisions.push(index),
                Walked::Base => below.base = true,
                Walked::Short { .. } => below.first_is_short |= place == 0,
            }
        }
        Ok(Some(below))
    }

    fn steps_below(
        &self,
        ends: &[Index],
        branch: Option<&str>,
        steps: i32,
    ) -> Result<Vec<Index>, TargetError> {
        let on = self.branch_lineage(branch)?;
        let ends: Vec<Index> =
            ends.iter().copied().filter(|&end| on.as_ref().is_none_or(|on| on[end])).collect();
        match self.only(&ends)? {
            None => Err(TargetError::TooFar { steps, available: 0 }),
            Some(end) => Ok(match self.walk_down(Some(end), steps)? {
                Walked::At(index) => vec![index],
                Walked::Base | Walked::Short { .. } => Vec::new(),
            }),
        }
    }

    /// Of the upper ends, those that have the branch's label.
    fn keep_branch(&self, tops: &mut Vec<Index>, branch: &str) -> Result<(), TargetError> {
        let of = self.branch(branch)?;
        let labels = Labels::new(self.revisions, self.graph);
        let is_label = self.revisions[of].labels.iter().any(|label| label == branch);
        if is_label {
            tops.retain(|&top| labels.of(top).contains(&branch));
        } else {
            let own = labels.of(of);
            let lineage = self.graph.lineage(&[of]);
            tops.retain(|&top| match own {
                [] => lineage[top],
                own => own.iter().any(|label| labels.of(top).contains(label)),
            });
        }
        Ok(())
    }
}

fn end_text(end: &End) -> String {
    match end {
        End::Open => String::new(),
        End::Current => "current".to_owned(),
        End::At(target) => target.to_string(),
    }
}
