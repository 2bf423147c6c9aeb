package dial

// Turns is what the connection has cost so far, TCP's own handshake included; 0 if it came to none.
func (w *PGWaterfall) Turns() int64 {
	if w == nil || w.Meter == nil {
		return 0
	}
	return w.Meter.Turns() + 1
}
