package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

var lineBreaks = strings.NewReplacer("\r\n", "↵", "\n", "↵", "\r", "↵", "\t", " ")

// plain makes text of a plan safe to look at: on one line, and without characters that cannot
// be seen, such as those that turn the direction of writing and so hide what a name is.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, lineBreaks.Replace(text))
}

// clip is [plain] of about so many characters at most, and says if there are more.
func clip(text string, most int) string {
	clean := []rune(plain(text))
	if len(clean) <= most {
		return string(clean)
	}
	return string(clean[:most]) + "… (cut, see the plan)"
}

// number writes 1234567 as 1,234,567.
func number[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// count writes "1 task", "2 tasks".
func count(n int, one string) string {
	return number(n) + " " + words.Of(n, one)
}

// listed joins names for a sentence, only the first few if there are many.
func listed(names []string) string {
	const most = 5
	if len(names) == 0 {
		return "no cluster"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %s more", strings.Join(names[:most], ", "), number(len(names)-most))
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return names[0]
}

// span writes a time in milliseconds as people say it.
func span(ms int64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 59_950: // would be rounded to 60.0 s
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	default:
		seconds := (ms + 500) / 1000
		if hours := seconds / 3600; hours > 0 {
			return fmt.Sprintf("%s h %d min", number(hours), seconds%3600/60)
		}
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
}

// moment writes a time for people, in UTC.
func moment(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format("2 Jan 2006, 15:04 UTC")
}

// median returns the middle of some numbers, of which there is at least one.
func median(of []int64) int64 {
	sorted := slices.Sorted(slices.Values(of))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// or returns text, or what stands for it if there is none.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
