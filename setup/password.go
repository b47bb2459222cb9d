package setup

import "beffroi/server/passwordrule"

// passwordProblems says in words what a password lacks; nothing where it is good.
func passwordProblems(password string) (problems []problem) {
	for _, p := range passwordrule.Problems(password) {
		shown := problem{Key: p.Key}
		if p.Length > 0 {
			shown.Data = map[string]any{"Length": p.Length}
		}
		problems = append(problems, shown)
	}
	return problems
}
