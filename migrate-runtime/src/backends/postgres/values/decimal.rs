//! `numeric` as text: digits of base 10,000.

/// The number of a `numeric`'s binary form.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let (header, digits) = bytes.split_at_checked(8)?;
    let part = |at: usize| Some(u16::from_be_bytes(header.get(at..at + 2)?.try_into().ok()?));
    let weight = i16::from_be_bytes(header.get(2..4)?.try_into().ok()?);
    let scale = usize::from(part(6)? & 0x3fff);
    let negative = match part(4)? {
        0x0000 => false,
        0x4000 => true,
        0xc000 => return Some("NaN".into()),
        0xd000 => return Some("Infinity".into()),
        0xf000 => return Some("-Infinity".into()),
        _ => return None,
    };
    let digits: Vec<u16> =
        digits.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if digits.len() != usize::from(part(0)?) {
        return None;
    }
    // Digit 0 stands for 10,000 to the power of the weight; digits that are not there are 0.
    let digit = |power: i32| {
        let place = usize::try_from(i32::from(weight) - power).ok();
        place.and_then(|place| digits.get(place)).copied().unwrap_or(0)
    };
    let whole: String =
        (0..=i32::from(weight).max(0)).rev().map(|power| format!("{:04}", digit(power))).collect();
    let whole = whole.trim_start_matches('0');
    let groups = i32::try_from(scale.div_ceil(4)).ok()?;
    let fraction: String = (1..=groups).map(|power| format!("{:04}", digit(-power))).collect();
    let mut number = String::new();
    if negative {
        number.push('-');
    }
    number.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        number.push('.');
        number.push_str(fraction.get(..scale)?);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn digits_of_base_ten_thousand_become_decimal() {
        let number = |weight: i16, sign: u16, scale: u16, digits: &[u16]| {
            let header = [digits.len() as u16, weight as u16, sign, scale];
            let bytes: Vec<u8> = header.iter().chain(digits).flat_map(|part| part.to_be_bytes()).collect();
            text(&bytes)
        };
        assert_eq!(number(1, 0, 2, &[12, 3456, 7800]).as_deref(), Some("123456.78"));
        assert_eq!(number(0, 0x4000, 0, &[7]).as_deref(), Some("-7"));
        assert_eq!(number(-2, 0, 8, &[42]).as_deref(), Some("0.00000042"));
        assert_eq!(number(2, 0, 0, &[1]).as_deref(), Some("100000000"));
        assert_eq!(number(0, 0, 3, &[]).as_deref(), Some("0.000"));
        assert_eq!(number(0, 0xc000, 0, &[]).as_deref(), Some("NaN"));
        assert_eq!(text(&[0; 3]), None);
    }
}
