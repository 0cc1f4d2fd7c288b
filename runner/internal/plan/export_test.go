package plan

// Rehashed returns the plan with the hash of its content, as another program could make it.
func (p Plan) Rehashed() Plan {
	p.Hash = p.hash()
	return p
}
