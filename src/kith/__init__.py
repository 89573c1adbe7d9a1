"""Who is this person, may I write to them, and may I do so for free right now?"""
