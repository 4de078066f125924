-- How many answers of one person are under way is asked with each start.
CREATE INDEX runs_going_on_by_user ON runs (user_id) WHERE state = 'running';
