package notice

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// The formats of a webhook's body, as the clusters file writes them.
const (
	formatAuto  = "auto"
	formatSlack = "slack"
	formatTeams = "teams"
	formatJSON  = "json"
)

// teamsHosts end the names of the hosts that serve the webhooks of Microsoft Teams. The flow
// notify has the same.
var teamsHosts = []string{"webhook.office.com", "logic.azure.com", "powerplatform.com"}

// formatFor returns the format that a webhook reads.
func formatFor(format string, hook *url.URL) string {
	if format != formatAuto {
		return format
	}
	host := strings.ToLower(hook.Hostname())
	for _, known := range teamsHosts {
		if host == known || strings.HasSuffix(host, "."+known) {
			return formatTeams
		}
	}
	return formatSlack
}

// body writes the notice in a format.
func (n Notice) body(format string) []byte {
	switch format {
	case formatJSON:
		return rawjson.Encode(n)
	case formatTeams:
		return rawjson.Encode(n.card())
	default:
		return rawjson.Encode(map[string]string{"text": n.slackText()})
	}
}

// slackEscape is what Slack asks of every text: these three characters begin its own syntax.
// https://docs.slack.dev/messaging/formatting-message-text
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackLink escapes what would end a link, which Slack writes as <URL|text>.
var slackLink = strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;")

func (n Notice) slackText() string {
	lines := []string{map[Level]string{Warn: "⚠️ ", Error: "🔴 "}[n.Level] + slackEscape.Replace(n.Message)}
	for _, fact := range n.facts() {
		lines = append(lines, fact.name+": "+slackEscape.Replace(fact.value))
	}
	if n.opens() {
		lines = append(lines, "<"+slackLink.Replace(n.Link)+"|Open the execution>")
	}
	return strings.Join(lines, "\n")
}

// What Teams reads: a message with one adaptive card.
type (
	teamsMessage struct {
		Type        string            `json:"type"`
		Attachments []teamsAttachment `json:"attachments"`
	}
	teamsAttachment struct {
		ContentType string    `json:"contentType"`
		Content     teamsCard `json:"content"`
	}
	teamsCard struct {
		Type    string        `json:"type"`
		Version string        `json:"version"`
		Body    []any         `json:"body"`
		Actions []teamsAction `json:"actions,omitempty"`
	}
	teamsText struct {
		Type  string `json:"type"`
		Wrap  bool   `json:"wrap"`
		Text  string `json:"text"`
		Color string `json:"color,omitempty"`
	}
	teamsFacts struct {
		Type  string      `json:"type"`
		Facts []teamsFact `json:"facts"`
	}
	teamsFact struct {
		Title string `json:"title"`
		Value string `json:"value"`
	}
	teamsAction struct {
		Type  string `json:"type"`
		Title string `json:"title"`
		URL   string `json:"url"`
	}
)

// longestCard is how much of a message a card shows. Teams refuses a card of 28 KB or more.
const longestCard = 12_000

func (n Notice) card() teamsMessage {
	// A card breaks lines only between paragraphs.
	text := strings.ReplaceAll(shortened(n.Message), "\n", "\n\n")
	card := teamsCard{Type: "AdaptiveCard", Version: "1.4", Body: []any{
		teamsText{Type: "TextBlock", Wrap: true, Text: text, Color: map[Level]string{Warn: "Warning", Error: "Attention"}[n.Level]},
	}}
	facts := teamsFacts{Type: "FactSet"}
	for _, fact := range n.facts() {
		facts.Facts = append(facts.Facts, teamsFact{Title: fact.name, Value: fact.value})
	}
	if len(facts.Facts) > 0 {
		card.Body = append(card.Body, facts)
	}
	if n.opens() {
		card.Actions = []teamsAction{{Type: "Action.OpenUrl", Title: "Open the execution", URL: n.Link}}
	}
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: card}}}
}

func shortened(text string) string {
	if len(text) <= longestCard {
		return text
	}
	end := longestCard
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + " …"
}
