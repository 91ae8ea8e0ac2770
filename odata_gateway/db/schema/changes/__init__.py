"""When a model is compared with its database again.

In:      a model, or what it is read from; time, requests for a comparison, notifications.
Out:     the model as the database can serve it now.
Unknown: how the two are compared.

    watcher   compares the model with the database, again and again
    refusals  statements that the database refuses: because the model is behind it, or for good
    notices   hears when somebody says that the schema has changed
"""
