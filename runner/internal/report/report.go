// Package report makes of a plan two documents for the people who review it: [HTML], one file
// that needs nothing else, and [Markdown], shorter, for where only that is shown.
//
// Both say the same in the same order: what is refused and why, what moves in which wave, what
// stays, and what to do next. They show only what the plan holds, which has no secrets; every
// name and value in it is taken for hostile.
package report

import (
	"bytes"
	"embed"
	"html/template"

	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

//go:embed *.tmpl
var templates embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"number": number[int]}).ParseFS(templates, "*.tmpl"))

// HTML returns the report as a page that stands alone: no script, no network. It lists every
// move. Only for plans of very many settings it leaves differences of configs to the plan, and
// says so.
func HTML(p plan.Plan) ([]byte, error) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "report.html.tmpl", describe(p)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
